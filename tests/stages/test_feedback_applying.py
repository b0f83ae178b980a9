"""Returned mail applied: who is meant, what changes, and that doing it again changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.audience.models import Subscriber, Subscription, Suppression
from newsletter.audience.suppressions import active_suppression
from newsletter.db.session import Sessions, unit_of_work
from newsletter.delivery.models import Delivery
from newsletter.delivery.states import DeliveryState
from newsletter.feedback.models import FeedbackEntry, ReturnedMail
from newsletter.feedback.service import (
    apply_rejections,
    apply_returned_mail,
    store_returned_mail,
    sweep_feedback,
)
from newsletter.rendering.tokens import Keyring
from tests.conftest import RecordingQueue
from tests.support.ledger import NOW, sent_to
from tests.support.returned_mail import complaint, delivery_report, plain_mail

KEYRING = Keyring(b"a secret for tests, long enough")
ADA = "ada@example.com"


@pytest.fixture
def session(sessions: Sessions) -> Iterator[Session]:
    """A database in which one issue went to Ada."""
    with sessions() as session:
        sent_to(session, ADA)
        session.commit()
        yield session


def bring(session: Session, raw: bytes, *, recipient: str = "", at: datetime = NOW) -> ReturnedMail:
    """Store and apply a mail that came to the return path of the only delivery, unless it came elsewhere."""
    stored = store_returned_mail(session, raw, recipient=recipient or return_path(), sender="", now=at)
    assert stored is not None
    applied = apply_returned_mail(session, stored.id, keyring=KEYRING, now=at)
    assert applied is not None
    session.flush()
    return applied


def return_path(delivery_id: int = 1, use: str = "b") -> str:
    signer = KEYRING.return_path if use == "b" else KEYRING.recipient
    return f"{use}+{signer.sign(delivery_id)}@bounces.example.com"


def entries(session: Session) -> list[tuple[str, str | None]]:
    return [(row.word, row.kind) for row in session.scalars(select(FeedbackEntry).order_by(FeedbackEntry.id))]


def test_a_hard_bounce_suppresses(session: Session) -> None:
    mail = bring(session, delivery_report(ADA, "5.1.1", "smtp; 550 5.1.1 User unknown"))
    assert (mail.state, mail.kind) == ("applied", "hard")
    assert entries(session) == [("bounced", "hard")]
    suppression = active_suppression(session, ADA)
    assert suppression is not None
    assert suppression.reason == "hard_bounce"


def test_a_soft_bounce_is_only_counted(session: Session) -> None:
    bring(session, delivery_report(ADA, "5.2.2", "smtp; 552 5.2.2 Mailbox full"))
    assert entries(session) == [("bounced", "soft")]
    assert active_suppression(session, ADA) is None


def test_the_same_mail_is_stored_once(session: Session) -> None:
    raw = delivery_report(ADA, "5.1.1", "smtp; 550 5.1.1 User unknown")
    bring(session, raw)
    assert store_returned_mail(session, raw, recipient=return_path(), sender="", now=NOW) is None


def test_another_report_of_the_same_failure_changes_nothing(session: Session) -> None:
    bring(session, delivery_report(ADA, "5.1.1", "smtp; 550 5.1.1 User unknown"))
    row = session.scalars(select(Suppression)).one()
    row.lifted_at = NOW
    bring(session, delivery_report(ADA, "5.1.1", "smtp; 550 5.1.1 User unknown, again"))
    assert entries(session) == [("bounced", "hard")]
    assert active_suppression(session, ADA) is None


def test_a_forged_token_changes_nothing(session: Session) -> None:
    forged = f"b+{Keyring(b'another secret, also long enough').return_path.sign(1)}@bounces.example.com"
    mail = bring(session, delivery_report(ADA, "5.1.1", "smtp; 550 5.1.1 User unknown"), recipient=forged)
    assert mail.state == "unmatched"
    assert entries(session) == []
    assert active_suppression(session, ADA) is None


def test_without_a_token_in_the_address_the_message_id_in_the_returned_part_tells(session: Session) -> None:
    original = f"Message-ID: <{KEYRING.message_id.sign(1)}@example.com>\nTo: {ADA}\n"
    report = delivery_report(ADA, "5.1.1", "smtp; 550 5.1.1 User unknown", original=original)
    bring(session, report, recipient="postmaster@example.com")
    assert entries(session) == [("bounced", "hard")]


def test_a_delay_is_no_bounce(session: Session) -> None:
    bring(session, delivery_report(ADA, "4.4.1", "smtp; connection timed out", action="delayed"))
    assert entries(session) == [("deferred", None)]


def test_an_alias_of_several_people_is_not_dead_because_one_is(session: Session) -> None:
    report = delivery_report(
        "one@example.org", "5.1.1", "smtp; 550 5.1.1 User unknown", others=("two@example.org",)
    )
    bring(session, report)
    assert entries(session) == [("bounced", "soft")]


def test_a_complaint_suppresses_and_unsubscribes(session: Session) -> None:
    bring(session, complaint(ADA))
    assert entries(session) == [("complained", None)]
    suppression = active_suppression(session, ADA)
    assert suppression is not None
    assert suppression.reason == "complaint"
    assert session.scalars(select(Subscription.state)).all() == ["unsubscribed"]


def test_mail_to_the_unsubscribe_address_unsubscribes(session: Session) -> None:
    bring(session, plain_mail("Ada <ada@example.com>", "unsubscribe", ""), recipient=return_path(use="u"))
    row = session.scalars(select(Subscription)).one()
    assert (row.state, row.unsubscribe_source, row.campaign_id) == ("unsubscribed", "mail", 1)
    assert entries(session) == [("unsubscribed", None)]


def test_a_person_may_write_to_the_return_path(session: Session) -> None:
    mail = bring(session, plain_mail("Ada <ada@example.com>", "Lovely issue", "Thank you for the pebble.\n"))
    assert mail.state == "ignored"
    assert entries(session) == []


def test_a_report_proves_that_an_ambiguous_message_was_accepted(session: Session) -> None:
    session.get_one(Delivery, 1).state = int(DeliveryState.AMBIGUOUS)
    bring(session, delivery_report(ADA, "5.2.2", "smtp; 552 5.2.2 Mailbox full"))
    session.expire_all()
    assert session.get_one(Delivery, 1).state == DeliveryState.SENT


def test_an_erased_person_is_not_written_down_again(session: Session) -> None:
    session.delete(session.scalars(select(Subscription)).one())
    session.flush()
    session.delete(session.scalars(select(Subscriber)).one())
    bring(session, delivery_report(ADA, "5.1.1", "smtp; 550 5.1.1 User unknown"))
    assert session.scalars(select(FeedbackEntry.address_key)).all() == [""]
    assert session.scalar(select(func.count()).select_from(Suppression)) == 0


def test_lasting_soft_bounces_suppress(session: Session) -> None:
    for week in range(5):
        assert active_suppression(session, ADA) is None
        [delivery] = sent_to(session, ADA, at=NOW + timedelta(weeks=week))
        report = delivery_report(ADA, "5.2.2", f"smtp; 552 5.2.2 Mailbox full ({week})")
        bring(session, report, recipient=return_path(delivery.id), at=NOW + timedelta(weeks=week))
    suppression = active_suppression(session, ADA)
    assert suppression is not None
    assert suppression.reason == "soft_bounce"


def test_refusals_at_send_time_are_bounces(session: Session) -> None:
    delivery = session.get_one(Delivery, 1)
    delivery.state, delivery.bounce, delivery.reason = int(DeliveryState.FAILED), "hard", "dead"
    delivery.response = "550 5.1.1 No such mailbox"
    session.flush()
    assert apply_rejections(session, delivery.campaign_id, NOW) == 1
    assert apply_rejections(session, delivery.campaign_id, NOW) == 0
    entry = session.scalars(select(FeedbackEntry)).one()
    assert (entry.word, entry.kind, entry.reason, entry.diagnostic) == (
        "rejected",
        "hard",
        "dead",
        "550 5.1.1 No such mailbox",
    )
    suppression = active_suppression(session, ADA)
    assert suppression is not None
    assert suppression.reason == "hard_bounce"


def test_the_sweep_asks_again_for_what_was_forgotten(session: Session, sessions: Sessions) -> None:
    stored = store_returned_mail(session, b"x", recipient=return_path(), sender="", now=NOW)
    assert stored is not None
    session.get_one(Delivery, 1).bounce = "hard"
    session.commit()
    queue = RecordingQueue()
    with unit_of_work(sessions) as fresh:
        sweep_feedback(fresh, queue, NOW + timedelta(seconds=30))
    assert queue.jobs == [("feedback.apply_rejections", {"campaign_id": 1})]
    queue.jobs.clear()
    with unit_of_work(sessions) as fresh:
        sweep_feedback(fresh, queue, NOW + timedelta(hours=1))
    assert queue.jobs == [("feedback.apply_returned_mail", {"returned_mail_id": stored.id})]
