"""The receiver: 250 only for what is committed, one row however often it comes, nothing for strangers."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import select

from newsletter.bootstrap import Container
from newsletter.errors import Unavailable
from newsletter.feedback.models import ReturnedMail
from newsletter.feedback.receiver import running
from newsletter.schema import metadata
from tests.conftest import RecordingQueue
from tests.servers import free_port

DOMAIN = "bounces.example.com"
MAIL = b"Subject: failure notice\r\n\r\n" + b"x" * 5000 + b"\r\n"


@contextmanager
def receiving(parts: Container, domain: str = DOMAIN) -> Iterator[int]:
    port = free_port()
    with running(parts.sessions, parts.queue, parts.clock, host="127.0.0.1", port=port, bounce_domain=domain):
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
