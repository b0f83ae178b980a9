"""A real Postfix returns mail to the receiver over LMTP: every report finds its reader, and changes what it should."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import func, select

from newsletter.adapters.catcher import Catcher, list_messages
from newsletter.audience.suppressions import active_suppression
from newsletter.bootstrap import Container
from newsletter.db.session import unit_of_work
from newsletter.feedback.models import FeedbackEntry, ReturnedMail
from newsletter.feedback.receiver import running
from newsletter.feedback.service import apply_returned_mail
from tests.postfix import running_postfix
from tests.servers import free_pair, free_port, wait_for
from tests.support.ledger import NOW, sent_to

DOMAIN = "bounces.example.com"
REFUSALS = {
    "gone": "550 5.1.1 No such mailbox here",
    "full": "552 5.2.2 Mailbox is full",
    "blocked": "554 5.7.1 Client host blocked, see our block list",
    "plain": "550 User unknown",
    "slow": "450 4.2.1 Try again later",
}
ALIASES = {"moved@example.org": "gone@example.org", "team@example.org": "gone@example.org plain@example.org"}
EXPECTED = {
    "gone": ("bounced", "hard", "dead"),
    "plain": ("bounced", "hard", "dead"),
    "moved": ("bounced", "hard", "dead"),
    "full": ("bounced", "soft", "full"),
    "blocked": ("bounced", "soft", "blocked"),
    "team": ("bounced", "hard", "dead"),
    "slow": ("deferred", None, "delayed"),
}


def refuse(address: str) -> str | None:
    """Refuse as the mailbox's name says."""
    return REFUSALS.get(address.partition("@")[0])


@contextmanager
def mail_exchanger(folder: Path) -> Iterator[int]:
    """Run the readers' mail server; yields its port."""
    port = free_port()
    server = Catcher(folder, port=port, refuse=refuse)
    server.start()
    try:
        yield port
    finally:
        server.stop()


def test_reports_of_a_real_mail_server(container: Container, tmp_path: Path) -> None:
    names = [*EXPECTED, "fine"]
    with unit_of_work(container.sessions) as session:
        ids = [row.id for row in sent_to(session, *(f"{name}@example.org" for name in names))]
    with mail_exchanger(tmp_path / "mx") as port, receiver(container) as lmtp_port:
        transports = {"example.org": f"smtp:[127.0.0.1]:{port}", DOMAIN: f"lmtp:inet:127.0.0.1:{lmtp_port}"}
        with running_postfix(transports, ALIASES) as postfix:
            send(container, postfix.port, dict(zip(names, ids, strict=True)))
            wait_for(lambda: returned(container) >= len(EXPECTED), "the reports")
            wait_for(lambda: len(list_messages(tmp_path / "mx")) == 1, "the delivery")
    found = apply_all(container)
    assert {name: found.get(row_id) for name, row_id in zip(names, ids, strict=True)} == {
        **EXPECTED,
        "fine": None,
    }
    with container.sessions() as session:
        dead = {name for name in names if active_suppression(session, f"{name}@example.org")}
    assert dead == {"gone", "plain", "moved", "team"}


@contextmanager
def receiver(container: Container) -> Iterator[int]:
    """Run the receiver; yields its LMTP port."""
    port = free_pair()
    with running(
        container.sessions,
        container.queue,
        container.clock,
        host="127.0.0.1",
        port=port,
        bounce_domain=DOMAIN,
    ):
        yield port + 1


def send(container: Container, port: int, deliveries: dict[str, int]) -> None:
    """Hand one message per delivery to Postfix, with the signed return path."""
    keyring = container.keyring
    with smtplib.SMTP("127.0.0.1", port) as server:
        for name, delivery_id in deliveries.items():
            message = (
                f"Message-ID: <{keyring.message_id.sign(delivery_id)}@example.com>\r\n"
                f"From: letter@example.com\r\nTo: {name}@example.org\r\nSubject: Hello\r\n\r\nHello.\r\n"
            )
            return_path = f"b+{keyring.return_path.sign(delivery_id)}@{DOMAIN}"
            server.sendmail(return_path, [f"{name}@example.org"], message)


def returned(container: Container) -> int:
    """Count what the receiver has stored."""
    with container.sessions() as session:
        return session.scalar(select(func.count()).select_from(ReturnedMail)) or 0


def apply_all(container: Container) -> dict[int | None, tuple[str, str | None, str]]:
    """Apply every stored mail twice; return what is known of each delivery."""
    with container.sessions() as session:
        mail_ids = list(session.scalars(select(ReturnedMail.id)))
    for mail_id in [*mail_ids, *mail_ids]:
        with unit_of_work(container.sessions) as session:
            apply_returned_mail(session, mail_id, keyring=container.keyring, now=NOW)
    with container.sessions() as session:
        entries = session.scalars(select(FeedbackEntry))
        return {row.delivery_id: (row.word, row.kind, row.reason) for row in entries}
