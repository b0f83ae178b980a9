"""The mail catcher: what it takes and refuses, that bytes stay as they were, and how they are read again."""

from __future__ import annotations

import smtplib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from newsletter.adapters.catcher import Catcher, list_messages, read_message
from newsletter.errors import NotFound, Unavailable
from tests.servers import free_port


@contextmanager
def catching(folder: Path, **behaviour: Any) -> Iterator[int]:
    port = free_port()
    catcher = Catcher(folder, port=port, **behaviour)
    catcher.start()
    try:
        yield port
    finally:
        catcher.stop()


def refuse(address: str) -> str | None:
    return "550 5.1.1 No such mailbox" if address.startswith("gone") else None


def test_bytes_stay_as_they_were(tmp_path: Path) -> None:
    message = b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nTo: a@example.com\r\n\r\n.\r\n..two\r\nlast \xff\r\n"
    with catching(tmp_path) as port, smtplib.SMTP("127.0.0.1", port) as client:
        client.sendmail("b@example.com", ["a@example.com", "c@example.com"], message)
    [mail] = list_messages(tmp_path)
    assert (mail.envelope_from, mail.recipients) == ("b@example.com", ("a@example.com", "c@example.com"))
    assert (mail.subject, mail.size) == ("Grüße", len(message))
    assert read_message(tmp_path, mail.id) == message


def test_a_refused_recipient_gets_the_answer_and_no_mail(tmp_path: Path) -> None:
    with catching(tmp_path, refuse=refuse) as port, smtplib.SMTP("127.0.0.1", port) as client:
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            client.sendmail("b@example.com", ["gone@example.com"], b"Subject: x\r\n\r\n")
        client.sendmail("b@example.com", ["gone@example.com", "a@example.com"], b"Subject: x\r\n\r\n")
    assert refused.value.recipients["gone@example.com"] == (550, b"5.1.1 No such mailbox")
    assert [mail.recipients for mail in list_messages(tmp_path)] == [("a@example.com",)]


def test_pipelined_commands_are_answered_in_order(tmp_path: Path) -> None:
    one = b"MAIL FROM:<b@example.com>\r\nRCPT TO:<a@example.com>\r\nDATA\r\n"
    with catching(tmp_path) as port, socket.create_connection(("127.0.0.1", port), 10) as client:
        client.sendall(b"EHLO x\r\n" + (one + b"Subject: hi\r\n\r\n.\r\n") * 3 + b"QUIT\r\n")
        answers = b"".join(iter(lambda: client.recv(65536), b"")).decode().splitlines()
    codes = [line[:3] for line in answers if line[3:4] == " "]
    assert codes == ["220", "250", *["250", "250", "354", "250"] * 3, "221"]
    assert len(list_messages(tmp_path)) == 3


@pytest.mark.parametrize(
    ("commands", "code"),
    [
        (b"RCPT TO:<a@example.com>\r\n", "503"),
        (b"DATA\r\n", "503"),
        (b"MAIL FROM:<b@example.com> SIZE=99999999999\r\n", "552"),
        (b"MAIL FROM:b@example.com\r\n", "501"),
        (b"MAIL FROM:<b@example.com>\r\nMAIL FROM:<b@example.com>\r\n", "503"),
        (b"XYZZY\r\n", "500"),
        (b"N" * 5000, "500"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, commands: bytes, code: str) -> None:
    with catching(tmp_path) as port, socket.create_connection(("127.0.0.1", port), 10) as client:
        client.sendall(commands)
        client.shutdown(socket.SHUT_WR)
        answers = b"".join(iter(lambda: client.recv(65536), b"")).decode().splitlines()
    assert answers[-1].startswith(code)
    assert list_messages(tmp_path) == []


def test_of_old_mail_the_newest_stay(tmp_path: Path) -> None:
    for start in (0, 6):
        with catching(tmp_path, keep=4) as port, smtplib.SMTP("127.0.0.1", port) as client:
            for number in range(start, start + 6):
                client.sendmail("b@example.com", ["a@example.com"], f"Subject: No. {number}\r\n\r\n".encode())
    assert [mail.subject for mail in list_messages(tmp_path)] == ["No. 11", "No. 10", "No. 9", "No. 8"]


def test_paging_and_searching(tmp_path: Path) -> None:
    with catching(tmp_path) as port, smtplib.SMTP("127.0.0.1", port) as client:
        for number in range(5):
            client.sendmail("b@example.com", [f"p{number}@example.com"], b"Subject: Hello\r\n\r\n")
    first = list_messages(tmp_path, limit=2)
    second = list_messages(tmp_path, limit=2, before=first[-1].id)
    assert [mail.recipients[0][:2] for mail in first + second] == ["p4", "p3", "p2", "p1"]
    assert [mail.recipients for mail in list_messages(tmp_path, query="P3@")] == [("p3@example.com",)]


@pytest.mark.parametrize("mail_id", ["../../etc/passwd", "000000001/..", "1", "", "000000009", "٠٠٠٠٠٠٠٠١"])
def test_only_ids_of_caught_mail_are_read(tmp_path: Path, mail_id: str) -> None:
    with pytest.raises(NotFound):
        read_message(tmp_path, mail_id)


def test_a_taken_port_is_said_plainly(tmp_path: Path) -> None:
    with catching(tmp_path) as port, pytest.raises(Unavailable, match=f"cannot listen on port {port}"):
        Catcher(tmp_path / "other", port=port).start()
