"""A real Dovecot: mail fetched over IMAP and POP3, put away after the commit, and everything that can be wrong with a mailbox."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from sqlalchemy import func, select

from newsletter.adapters.mailboxes import open_mailbox
from newsletter.bootstrap import Container
from newsletter.feedback.mailboxes.box import MailboxGone
from newsletter.feedback.mailboxes.fetching import Bounds, Intake, visit
from newsletter.feedback.mailboxes.place import After, MailboxPlace, parse_place
from newsletter.feedback.mailboxes.rounds import visit_now
from newsletter.feedback.mailboxes.watching import watch
from newsletter.feedback.models import ReturnedMail
from newsletter.feedback.storing import LARGEST
from tests.dovecot import PASSWORD, USER, Dovecot, running_dovecot

WAYS = ("imap", "imap+starttls", "imaps", "pop3", "pop3+starttls", "pop3s")


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    """One Dovecot for the module."""
    with running_dovecot() as dovecot:
        yield dovecot


@pytest.fixture
def dovecot(server: Dovecot, monkeypatch: pytest.MonkeyPatch) -> Dovecot:
    """The Dovecot, with an empty mailbox and a certificate that is trusted here."""
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
    for part in ("new", "cur"):
        for path in (server.folder / "mail" / part).iterdir():
            path.unlink()
    return server


@pytest.fixture
def intake(container: Container) -> Intake:
    """Where mail is taken in to."""
    return Intake(container.sessions, container.queue, container.clock, "imap")


def at(
    dovecot: Dovecot, way: str, *, after: After = "delete", folder: str = "", **wrong: str
) -> MailboxPlace:
    port = dovecot.ports[way.removesuffix("+starttls")]
    host = wrong.get("host", "localhost")
    return parse_place(
        f"{way}://{quote(USER, safe='')}@{host}:{port}/{folder}",
        password=wrong.get("password", PASSWORD),
        after=after,
    )


def mails(count: int, start: int = 0) -> list[bytes]:
    return [
        b"From: MAILER-DAEMON@mx.example.org\r\nSubject: Back %d\r\n\r\nGone.\r\n" % number
        for number in range(start, start + count)
    ]


def stored(intake: Intake) -> int:
    with intake.sessions() as session:
        return session.scalar(select(func.count()).select_from(ReturnedMail)) or 0


@pytest.mark.parametrize("way", WAYS)
def test_mail_is_fetched_deleted_and_known_when_it_comes_again(
    dovecot: Dovecot, intake: Intake, way: str
) -> None:
    dovecot.deliver(*mails(60))
    first = visit_now(at(dovecot, way), open_mailbox, intake, every_seconds=60)
    assert (first.taken, first.known, first.trouble) == (60, 0, "")
    assert dovecot.names() == []
    dovecot.deliver(*mails(3))
    again = visit_now(at(dovecot, way), open_mailbox, intake, every_seconds=60)
    assert (again.taken, again.known) == (0, 3)
    assert stored(intake) == 60


def test_kept_mail_is_marked_and_left_alone_after(dovecot: Dovecot, intake: Intake) -> None:
    place = at(dovecot, "imaps", after="keep")
    dovecot.deliver(*mails(2))
    assert visit_now(place, open_mailbox, intake, every_seconds=60).taken == 2
    dovecot.deliver(*mails(1, start=2))
    found = visit_now(place, open_mailbox, intake, every_seconds=60)
    assert (found.taken, found.known) == (1, 0)
    assert len(dovecot.names()) == 3


@pytest.mark.parametrize("way", ["imaps", "pop3s"])
def test_bytes_arrive_as_they_are(dovecot: Dovecot, intake: Intake, way: str) -> None:
    raw = b"Subject: =?x?q?\xff\xfe?=\r\n\r\n.\r\n..dots\r\nFrom here\r\n" + b"long " * 20_000 + b"\r\n"
    dovecot.deliver(raw)
    assert visit_now(at(dovecot, way), open_mailbox, intake, every_seconds=60).taken == 1
    with intake.sessions() as session:
        assert session.scalar(select(ReturnedMail.raw)) == raw.replace(
            b"\0", b"\x80"
        )  # as Dovecot gives a NUL


@pytest.mark.parametrize("way", ["imaps", "pop3s"])
def test_of_a_huge_mail_the_beginning_is_taken(dovecot: Dovecot, intake: Intake, way: str) -> None:
    line = b"x" * 76 + b"\r\n"
    dovecot.deliver(b"Subject: huge\r\n\r\n" + line * (25 * 1024 * 1024 // len(line)))
    assert visit_now(at(dovecot, way), open_mailbox, intake, every_seconds=60).taken == 1
    with intake.sessions() as session:
        raw = session.scalars(select(ReturnedMail.raw)).one()
    assert raw.startswith(b"Subject: huge\r\n")
    assert len(raw) <= LARGEST
    assert dovecot.names() == []


def _store_and_die(place: MailboxPlace, intake: Intake) -> None:
    with open_mailbox(place) as box:
        intake.store(list(box.waiting()))
        raise KeyboardInterrupt


@pytest.mark.parametrize("way", ["imaps", "pop3s"])
def test_a_crash_before_mail_is_put_away_repeats_it(dovecot: Dovecot, intake: Intake, way: str) -> None:
    dovecot.deliver(*mails(3))
    with pytest.raises(KeyboardInterrupt):
        _store_and_die(at(dovecot, way), intake)
    assert len(dovecot.names()) == 3
    found = visit_now(at(dovecot, way), open_mailbox, intake, every_seconds=60)
    assert (found.taken, found.known) == (0, 3)
    assert dovecot.names() == []


@pytest.mark.parametrize("way", ["imaps", "pop3s"])
def test_a_wrong_password_is_said_without_it(dovecot: Dovecot, way: str) -> None:
    with (
        pytest.raises(MailboxGone, match="refuses the user") as refused,
        open_mailbox(at(dovecot, way, password="not-the-word")),
    ):
        pass
    assert "not-the-word" not in str(refused.value)


@pytest.mark.parametrize("way", ["imaps", "imap+starttls", "pop3s", "pop3+starttls"])
def test_an_untrusted_certificate_ends_it(
    dovecot: Dovecot, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(MailboxGone, match="not trusted"), open_mailbox(at(dovecot, way)):
        pass


@pytest.mark.parametrize("way", ["imaps", "pop3s"])
def test_a_certificate_for_another_host_ends_it(dovecot: Dovecot, way: str) -> None:
    with pytest.raises(MailboxGone, match="not trusted"), open_mailbox(at(dovecot, way, host="127.0.0.1")):
        pass


def test_a_port_without_tls_a_missing_folder_and_a_missing_host_are_said(dovecot: Dovecot) -> None:
    port = dovecot.ports["imap"]
    with (
        pytest.raises(MailboxGone, match="does not speak TLS"),
        open_mailbox(parse_place(f"imaps://me@localhost:{port}", password="x")),
    ):
        pass
    with (
        pytest.raises(MailboxGone, match="opening the folder Nowhere"),
        open_mailbox(at(dovecot, "imaps", folder="Nowhere")),
    ):
        pass
    with (
        pytest.raises(MailboxGone, match="There is no host"),
        open_mailbox(parse_place("imaps://me@no-such-host.invalid", password="x")),
    ):
        pass


def test_mail_is_there_seconds_after_it_came(dovecot: Dovecot, intake: Intake) -> None:
    """Over IDLE: the watcher would look again after a minute only."""
    dovecot.deliver(*mails(1))
    visits = watch(at(dovecot, "imaps"), open_mailbox, intake, every_seconds=3600)
    assert next(visits).taken == 1
    threading.Timer(0.5, dovecot.deliver, mails(1, start=1)).start()
    begun = time.monotonic()
    assert next(visits).taken == 1
    assert time.monotonic() - begun < 20


def test_a_mailbox_without_our_flag_idle_or_uidplus_works_too(dovecot: Dovecot, intake: Intake) -> None:
    with running_dovecot(capability="IMAP4rev1", ssl="no") as plain:
        plain.deliver(*mails(3))
        with open_mailbox(at(plain, "imap")) as box:
            assert visit(box, intake, Bounds()).taken == 3
        assert plain.names() == []
