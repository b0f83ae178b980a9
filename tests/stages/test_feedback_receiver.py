"""The receiver: 250 only for what is committed, one row however often it comes, nothing for strangers."""

from __future__ import annotations

import smtplib
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from sqlalchemy import select

from newsletter.bootstrap import Container
from newsletter.errors import Unavailable
from newsletter.feedback.models import ReturnedMail
from newsletter.feedback.receiver import running
from newsletter.feedback.receiver_protocol import MOST_CONNECTIONS
from newsletter.feedback.storing import LARGEST
from newsletter.schema import metadata
from tests.conftest import RecordingQueue
from tests.servers import free_pair, wait_for

DOMAIN = "bounces.example.com"
MAIL = b"Subject: failure notice\r\n\r\n" + b"x" * 5000 + b"\r\n"


@contextmanager
def receiving(parts: Container, domain: str = DOMAIN, *also_for: str) -> Iterator[int]:
    port = free_pair()
    with running(
        parts.sessions,
        parts.queue,
        parts.clock,
        host="127.0.0.1",
        port=port,
        bounce_domain=domain,
        also_for=frozenset(also_for),
    ):
        yield port


def return_path(parts: Container, number: int = 1, domain: str = DOMAIN) -> str:
    return f"b+{parts.keyring.return_path.sign(number)}@{domain}"


def stored(parts: Container) -> list[ReturnedMail]:
    with parts.sessions() as session:
        return list(session.scalars(select(ReturnedMail).order_by(ReturnedMail.id)))


def test_mail_is_stored_and_its_job_asked_for(container: Container) -> None:
    with receiving(container) as port, smtplib.SMTP("127.0.0.1", port) as client:
        client.sendmail("", [return_path(container)], MAIL)
    [row] = stored(container)
    assert (row.raw, row.state, row.envelope_recipient) == (MAIL, "new", return_path(container))
    assert isinstance(container.queue, RecordingQueue)
    assert container.queue.jobs == [("feedback.apply_returned_mail", {"returned_mail_id": row.id})]


def test_the_same_mail_again_is_answered_but_stored_once(container: Container) -> None:
    with receiving(container) as port, smtplib.SMTP("127.0.0.1", port) as client:
        for _ in range(3):
            assert client.sendmail("", [return_path(container)], MAIL) == {}
        client.sendmail("", [return_path(container, 2)], MAIL)
    assert len(stored(container)) == 2


def test_lmtp_answers_for_each_recipient(container: Container) -> None:
    with receiving(container) as port, smtplib.LMTP("127.0.0.1", port + 1) as client:
        client.ehlo_or_helo_if_needed()
        client.mail("")
        for number in (1, 2):
            client.rcpt(return_path(container, number))
        code, _ = client.data(MAIL)
        assert code == 250
        assert client.getreply()[0] == 250
        assert client.noop()[0] == 250
    assert len(stored(container)) == 2


@pytest.mark.parametrize(
    "address",
    [
        "postmaster@bounces.example.com",
        "b+short@bounces.example.com",
        "b+" + "a" * 39 + "@elsewhere.example.com",
        "x+" + "a" * 39 + "@bounces.example.com",
    ],
)
def test_strangers_are_refused(container: Container, address: str) -> None:
    with receiving(container) as port, smtplib.SMTP("127.0.0.1", port) as client:
        client.ehlo_or_helo_if_needed()
        client.mail("")
        assert client.rcpt(address)[0] == 550
    assert stored(container) == []


def test_without_a_bounce_domain_any_domain_will_do(container: Container) -> None:
    with receiving(container, domain="") as port, smtplib.SMTP("127.0.0.1", port) as client:
        client.sendmail("", [return_path(container, domain="anything.example.com")], MAIL)
    assert len(stored(container)) == 1


def test_without_a_database_the_sender_is_asked_to_come_again(container: Container) -> None:
    metadata.drop_all(container.engine)
    with receiving(container) as port, smtplib.SMTP("127.0.0.1", port) as client:
        with pytest.raises(smtplib.SMTPDataError) as refused:
            client.sendmail("", [return_path(container)], MAIL)
        assert refused.value.smtp_code == 451
        metadata.create_all(container.engine)
        client.sendmail("", [return_path(container)], MAIL)
    assert len(stored(container)) == 1


def test_a_taken_port_is_said_plainly(container: Container) -> None:
    with (
        receiving(container) as port,
        pytest.raises(Unavailable, match=f"cannot listen on port {port}"),
        running(container.sessions, container.queue, container.clock, host="127.0.0.1", port=port),
    ):
        pytest.fail("it listens twice")


def test_an_address_for_feedback_loops_is_taken_when_it_was_named(container: Container) -> None:
    with (
        receiving(container, DOMAIN, "fbl@example.com") as port,
        smtplib.LMTP("127.0.0.1", port + 1) as client,
    ):
        client.sendmail("", ["FBL@Example.com"], MAIL)
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            client.sendmail("", ["abuse@example.com"], MAIL)
    [row] = stored(container)
    assert (row.envelope_recipient, row.came_by) == ("FBL@Example.com", "lmtp")


def test_a_mail_too_large_is_refused_for_each_lmtp_recipient(container: Container) -> None:
    with receiving(container) as port, smtplib.LMTP("127.0.0.1", port + 1) as client:
        client.ehlo_or_helo_if_needed()
        client.mail("")
        for number in (1, 2):
            client.rcpt(return_path(container, number))
        line = b"x" * 76 + b"\r\n"
        assert client.data(line * (LARGEST // len(line) + 1))[0] == 552
        assert client.getreply()[0] == 552
        assert client.noop()[0] == 250
    assert stored(container) == []


def test_connections_beyond_the_most_are_asked_to_come_again(container: Container) -> None:
    with receiving(container) as port, ExitStack() as stack:
        crowd = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            for _ in range(MOST_CONNECTIONS)
        ]
        for each in crowd:
            assert each.recv(100).startswith(b"220")
        with socket.create_connection(("127.0.0.1", port + 1)) as late:
            assert late.recv(100).startswith(b"421 4.3.2")
        crowd[0].close()
        wait_for(lambda: _greets(port), "room for the next one")


def _greets(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port)) as again:
        return again.recv(100).startswith(b"220")


def test_what_nobody_foresaw_is_a_later_too(container: Container) -> None:
    """A 5xx would make the sending server throw the report away."""

    class Broken(RecordingQueue):
        def enqueue(self, job: str, **arguments: int | str) -> None:
            raise ValueError("a secret from inside")

    port = free_pair()
    with (
        running(container.sessions, Broken(), container.clock, host="127.0.0.1", port=port),
        smtplib.LMTP("127.0.0.1", port + 1) as client,
        pytest.raises(smtplib.SMTPDataError) as refused,
    ):
        client.sendmail("", [return_path(container)], MAIL)
    assert refused.value.smtp_code == 451
    assert b"secret" not in bytes(refused.value.smtp_error)


def test_what_was_stored_is_applied_after_the_answer(container: Container) -> None:
    """Workers may all be busy with the campaign that returned mail should stop."""
    applied: list[int] = []

    def apply(mail_id: int) -> None:
        applied.append(mail_id)
        raise Unavailable("The database went away.")  # the job stays to do it

    port = free_pair()
    with (
        running(
            container.sessions, container.queue, container.clock, host="127.0.0.1", port=port, apply=apply
        ),
        smtplib.SMTP("127.0.0.1", port) as client,
    ):
        for _ in range(2):
            client.sendmail("", [return_path(container)], MAIL)
        wait_for(lambda: applied == [1], "the applying")
    assert isinstance(container.queue, RecordingQueue)
    assert len(container.queue.jobs) == 1
