"""The main promise, held with real parts: PostgreSQL, Redis, two prefork workers, beat, and a server that counts.

Everybody gets exactly one message, their own, well formed; a worker killed with SIGKILL half-way changes none of that
but for the messages whose fate nobody can know, and those are counted and named.
"""

from __future__ import annotations

import email
import email.policy
import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

import psycopg
import pytest

from tests.servers import RedisServer, wait_for
from tests.support.filling import fill_letter, parts_of, start_letter
from tests.support.installation import Installation, kill
from tests.support.sink import Accepted, Sink, running_sink

RECIPIENTS = 20_000
KILL_AFTER = 6_000
CONNECTIONS = 10
#: Every so many messages are read whole by the standard library's parser, which takes milliseconds for each.
FULLY_READ = 25


def address(number: int) -> str:
    return f"reader{number}@example.com"


def name(number: int) -> str:
    """Every third name needs an encoded word, every seventh tries to write headers of its own."""
    if number % 7 == 0:
        return f"Evil {number}\r\nBcc: victim@example.net =?UTF-8?Q?=0ABcc=3A?="
    return f"Zoë Šárka {number}" if number % 3 == 0 else f"Reader Number{number}"


@dataclass(frozen=True)
class Sent:
    """What the run left behind."""

    accepted: list[Accepted]
    report: dict[str, Any]
    ledger: dict[str, str]


@pytest.fixture(scope="module")
def sent(
    tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer, postgres_database: str
) -> Iterator[Sent]:
    """One campaign to everybody, during which one of two workers is killed without warning."""
    folder = tmp_path_factory.mktemp("workers")
    with ExitStack() as stack:
        sink = stack.enter_context(running_sink(folder))
        place = Installation.at(
            folder,
            database_url=postgres_database,
            broker_url=redis_server.url,
            smtp_url=f"smtp://127.0.0.1:{sink.port}",
            smtp_connections=str(CONNECTIONS),
        )
        parts = parts_of(place)
        fill_letter(parts, ((address(number), name(number)) for number in range(RECIPIENTS)), folder=folder)
        victim = place.start("worker", "--concurrency", "1")
        stack.callback(kill, victim)
        stack.enter_context(place.running("worker", "--concurrency", "1"))
        stack.enter_context(place.running("beat"))
        campaign = start_letter(parts)
        wait_for(lambda: sink.count() >= KILL_AFTER, "a good part of the sending", 120)
        kill(victim)
        yield _wait_for_end(place, sink, str(campaign))


def _wait_for_end(place: Installation, sink: Sink, campaign: str) -> Sent:
    with psycopg.connect(place.environment["NEWSLETTER_DATABASE_URL"], autocommit=True) as database:

        def is_over() -> bool:
            row = database.execute("SELECT state FROM campaigns WHERE id = %s", [campaign]).fetchone()
            return row == ("finished",)

        wait_for(is_over, "the end of the campaign", 120)
    lines = place.run("campaign", "deliveries", campaign, "--json").stdout.splitlines()
    rows = [json.loads(line) for line in lines]
    report = place.json("campaign", "report", campaign)
    return Sent(list(sink.accepted()), report, {row["address"]: row["state"] for row in rows})


def test_nobody_gets_it_twice(sent: Sent) -> None:
    counted = Counter(accepted.recipient for accepted in sent.accepted)
    assert [who for who, times in counted.items() if times > 1] == []


def test_everybody_gets_it_or_is_named_as_unknown(sent: Sent) -> None:
    got = {accepted.recipient for accepted in sent.accepted}
    unknown = {who for who, state in sent.ledger.items() if state == "ambiguous"}
    assert set(sent.ledger) == {address(number) for number in range(RECIPIENTS)}
    assert set(sent.ledger) - got <= unknown
    assert len(unknown) <= CONNECTIONS
    assert {state for who, state in sent.ledger.items() if who in got - unknown} == {"sent"}


def test_the_equation_adds_up(sent: Sent) -> None:
    report = sent.report
    terms = ("sent", "failed", "suppressed", "skipped", "expired", "ambiguous")
    assert report["audience"] == RECIPIENTS == sum(report[term] for term in terms)
    assert report["failed"] == report["suppressed"] == report["skipped"] == report["expired"] == 0
    assert report["messages_per_second"] > 0


def test_the_right_persons_name_and_links_are_in_each(sent: Sent) -> None:
    for accepted in sent.accepted[::FULLY_READ]:
        message = _parsed(accepted)
        shown = message["To"].addresses[0]
        assert shown.addr_spec == accepted.recipient
        number = int(re.sub(r"\D", "", accepted.recipient))
        assert shown.display_name.startswith(f"Evil {number}" if number % 7 == 0 else name(number))
        assert "victim@example.net" not in str(message["From"]) + str(message["Subject"])
        assert _one_token(message) in accepted.message.decode()


def test_every_token_and_identity_is_somebodys_own(sent: Sent) -> None:
    for pattern in (rb"\r\nList-Unsubscribe: *(.*?)\r\n[^ \t]", rb"\r\nMessage-ID: *(\S+)"):
        found = {_found(pattern, accepted.message) for accepted in sent.accepted}
        assert len(found) == len(sent.accepted)
    assert len({accepted.sender for accepted in sent.accepted}) == len(sent.accepted)
    for accepted in sent.accepted:
        assert f"<{accepted.recipient}>".encode() in _found(
            rb"(?s)\r\nTo: *(.*?)\r\n[^ \t]", accepted.message
        )


def _found(pattern: bytes, message: bytes) -> bytes:
    match = re.search(pattern, message, re.DOTALL)
    assert match is not None
    return match[1]


def _parsed(accepted: Accepted) -> EmailMessage:
    message = email.message_from_bytes(accepted.message, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def _one_token(message: EmailMessage) -> str:
    """The same person's token is in the header and in both parts."""
    header = re.search(r"/u/([\w.-]+)>", message["List-Unsubscribe"])
    assert header is not None
    for kind in ("plain", "html"):
        part = message.get_body((kind,))
        assert part is not None
        found = set(re.findall(r"/u/([\w.-]+)", part.get_content()))
        assert found == {header[1]}
    return header[1]


def test_every_message_is_well_formed(sent: Sent) -> None:
    for accepted in sent.accepted:
        raw = accepted.message
        assert raw.isascii()
        assert raw.count(b"\n") == raw.count(b"\r\n") == raw.count(b"\r")
        assert max(map(len, raw.split(b"\r\n"))) <= 998
        head = raw.partition(b"\r\n\r\n")[0]
        names = Counter(line.partition(b":")[0].lower() for line in re.split(rb"\r\n(?![ \t])", head))
        for once in (b"from", b"to", b"subject", b"date", b"message-id", b"list-id", b"list-unsubscribe",
                     b"list-unsubscribe-post", b"mime-version", b"content-type"):  # fmt: skip
            assert names[once] == 1, (once, accepted.recipient)
        assert b"bcc" not in names
        assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in head
        assert accepted.sender.startswith("b+")
