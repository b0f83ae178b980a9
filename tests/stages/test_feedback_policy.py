"""The policy at work: soft bounces counted by rule and forgotten, second chances kept, opinions ignored."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.accounts.models import AuditEntry
from newsletter.audience.models import Suppression
from newsletter.audience.suppressions import active_suppression, lift
from newsletter.db.session import Sessions
from newsletter.delivery.models import Campaign
from newsletter.feedback.policy import SoftRule
from newsletter.feedback.rules import drop_rule, rule_of, set_rule
from newsletter.feedback.service import Event, apply_event
from newsletter.feedback.softness import count_soft
from newsletter.issues.models import Publication
from tests.support.ledger import NOW, sent_to

ADA = "ada@example.com"
WEEK = timedelta(weeks=1)


@pytest.fixture
def session(sessions: Sessions) -> Iterator[Session]:
    """An empty database."""
    with sessions() as session:
        yield session


def fail(
    session: Session, at: datetime, *, kind: str = "soft", reason: str = "full", status: str = "5.2.2"
) -> None:
    """Send Ada an issue that comes back at once."""
    [delivery] = sent_to(session, ADA, at=at)
    event = Event(
        "bounced", at, "mail", kind="hard" if kind == "hard" else "soft", reason=reason, status=status
    )
    assert apply_event(session, delivery, event, at)


def publication(session: Session) -> Publication:
    return session.scalars(select(Publication)).one()


def reason_of(session: Session, publication_id: int | None = None) -> str | None:
    row = active_suppression(session, ADA, publication_id)
    return None if row is None else row.reason


def test_five_in_four_weeks_suppress_everywhere(session: Session) -> None:
    for week in range(5):
        assert reason_of(session) is None
        fail(session, NOW + week * WEEK)
    assert reason_of(session) == "soft_bounce"
    row = session.scalars(select(Suppression)).one()
    assert row.detail.startswith("5 temporary failures over 28 days without a success")


def test_old_ones_are_forgotten(session: Session) -> None:
    for month in range(12):
        fail(session, NOW + month * timedelta(days=50))
    assert reason_of(session) is None  # never more than four within 180 days


@pytest.mark.parametrize(
    ("reason", "status"), [("blocked", "5.7.1"), ("policy", "5.7.26"), ("unknown", "5.7.515")]
)
def test_opinions_about_us_never_count(session: Session, reason: str, status: str) -> None:
    for week in range(8):
        fail(session, NOW + week * WEEK, kind="hard" if week % 2 else "soft", reason=reason, status=status)
    assert reason_of(session) is None


def test_a_sign_of_life_starts_the_count_anew(session: Session) -> None:
    for week in range(4):
        fail(session, NOW + week * WEEK)
    [delivery] = sent_to(session, ADA, at=NOW + 4 * WEEK)
    apply_event(session, delivery, Event("delivered", NOW + 4 * WEEK, "postmark"), NOW + 4 * WEEK)
    fail(session, NOW + 5 * WEEK)
    assert reason_of(session) is None
    assert len(count_soft(session, ADA, SoftRule(), NOW + 5 * WEEK).counted) == 1


def test_a_second_chance_is_a_whole_one(session: Session) -> None:
    for week in range(5):
        fail(session, NOW + week * WEEK)
    row = session.scalars(select(Suppression)).one()
    lift(session, row.id, reason="She emptied her mailbox.", actor="admin@example.com", now=NOW + 4 * WEEK)
    for week in range(5, 9):
        fail(session, NOW + week * WEEK)
        assert reason_of(session) is None
    fail(session, NOW + 9 * WEEK)
    assert reason_of(session) == "soft_bounce"


def test_a_publication_s_own_rule_holds_there_alone(session: Session) -> None:
    fail(session, NOW)
    its = publication(session).id
    set_rule(session, its, SoftRule(count=2, over_days=1, forget_days=30), actor="admin@example.com", now=NOW)
    fail(session, NOW + WEEK)
    assert reason_of(session, its) == "soft_bounce"
    assert session.scalars(select(Suppression.publication_id)).all() == [its]
    assert reason_of(session) is None
    drop_rule(session, its, actor="admin@example.com")
    assert rule_of(session, its) == SoftRule()
    session.commit()
    audited = session.scalars(select(AuditEntry).where(AuditEntry.action == "bounces.rule")).all()
    assert [entry.details["after"][:7] for entry in audited] == ["2 soft ", "5 soft "]


def test_a_complaint_is_not_hidden_behind_a_milder_reason(session: Session) -> None:
    for week in range(5):
        fail(session, NOW + week * WEEK)
    [delivery] = sent_to(session, ADA, at=NOW + 5 * WEEK)
    apply_event(session, delivery, Event("complained", NOW + 5 * WEEK, "mail"), NOW + 5 * WEEK)
    assert reason_of(session) == "complaint"
    lifted = session.scalars(select(Suppression).where(Suppression.lifted_at.is_not(None))).one()
    assert (lifted.reason, lifted.lifted_reason) == ("soft_bounce", "superseded by complaint")


def test_the_same_news_twice_is_one(session: Session) -> None:
    [delivery] = sent_to(session, ADA, at=NOW)
    for source in ("mail", "mailgun", "mail"):
        apply_event(session, delivery, Event("bounced", NOW, source, kind="hard", reason="dead"), NOW)
    assert session.scalars(select(Suppression.reason)).all() == ["hard_bounce"]
    assert session.scalars(select(Campaign.id)).all() == [delivery.campaign_id]
