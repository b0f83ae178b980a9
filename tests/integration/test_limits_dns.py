"""MX names from a real DNS dialogue on loopback: answers, absences, silence, nonsense."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import dns.message
import dns.rcode
import dns.rrset
import pytest

from newsletter.adapters.mx_lookup import TIMEOUT_SECONDS, DnsMxLookup

ZONE = {"firm.test.": ["20 backup.example.net.", "10 ASPMX.L.GOOGLE.COM."], "null.test.": ["0 ."]}


class Nameserver(threading.Thread):
    """Answers MX questions over UDP from a table; silent for silent.test., nonsense for broken.test."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def run(self) -> None:
        """Answer until the socket is closed."""
        while True:
            try:
                question, sender = self.socket.recvfrom(4096)
            except OSError:
                return
            answer = self.answer(dns.message.from_wire(question))
            if answer is not None:
                self.socket.sendto(answer, sender)

    def answer(self, query: dns.message.Message) -> bytes | None:
        """Return the answer to one question."""
        name = query.question[0].name.to_text()
        if name == "silent.test.":
            return None
        if name == "broken.test.":
            return b"nonsense"
        response = dns.message.make_response(query)
        if name in ZONE:
            response.answer.append(dns.rrset.from_text(name, 60, "IN", "MX", *ZONE[name]))
        elif name == "gone.test.":
            response.set_rcode(dns.rcode.NXDOMAIN)
        return response.to_wire()


@pytest.fixture
def lookup() -> Iterator[DnsMxLookup]:
    """A lookup that asks our nameserver."""
    server = Nameserver()
    server.start()
    yield DnsMxLookup(["127.0.0.1"], server.port)
    server.socket.close()


def test_names_come_in_the_order_of_preference(lookup: DnsMxLookup) -> None:
    assert lookup.hosts("firm.test") == ["ASPMX.L.GOOGLE.COM", "backup.example.net"]


def test_what_has_no_mx_has_none(lookup: DnsMxLookup) -> None:
    assert lookup.hosts("gone.test") == []
    assert lookup.hosts("empty.test") == []


@pytest.mark.parametrize(
    "domain", ["silent.test", "broken.test", "a" * 70 + ".test", "..", "x\x00.test", "ü" * 300]
)
def test_silence_and_nonsense_are_no_answer(lookup: DnsMxLookup, domain: str) -> None:
    began = time.monotonic()
    assert not lookup.hosts(domain)
    assert time.monotonic() - began < TIMEOUT_SECONDS + 1
