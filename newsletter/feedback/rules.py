"""Which rule about soft bounces holds: a publication's own, else everybody's."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.delivery.models import Campaign
from newsletter.feedback.policy import SoftRule, check_rule
from newsletter.feedback.policy_models import BounceRule
from newsletter.issues.models import Issue

EVERYBODYS: Final = SoftRule()


def rule_of_campaign(session: Session, campaign_id: int | None) -> SoftRule:
    """Return the rule of the publication that a campaign belongs to."""
    row = session.scalar(
        select(BounceRule)
        .join(Issue, Issue.publication_id == BounceRule.publication_id)
        .join(Campaign, Campaign.issue_id == Issue.id)
        .where(Campaign.id == campaign_id)
    )
    return _rule(row)


def rule_of(session: Session, publication_id: int) -> SoftRule:
    """Return a publication's rule."""
    return _rule(session.get(BounceRule, publication_id))


def _rule(row: BounceRule | None) -> SoftRule:
    if row is None:
        return EVERYBODYS
    return SoftRule(row.count, row.over_days, row.forget_days, row.publication_id)


def set_rule(session: Session, publication_id: int, rule: SoftRule, *, actor: str, now: datetime) -> None:
    """Give a publication a rule of its own.

    :raises InvalidInput: for one that makes no sense.
    """
    check_rule(rule)
    before = rule_of(session, publication_id)
    session.merge(
        BounceRule(
            publication_id=publication_id,
            count=rule.count,
            over_days=rule.over_days,
            forget_days=rule.forget_days,
            set_by=actor[:254],
            set_at=now,
        )
    )
    _note(session, publication_id, str(before), str(rule), actor)


def drop_rule(session: Session, publication_id: int, *, actor: str) -> None:
    """Let everybody's rule hold for a publication again."""
    before = rule_of(session, publication_id)
    session.execute(delete(BounceRule).where(BounceRule.publication_id == publication_id))
    _note(session, publication_id, str(before), str(EVERYBODYS), actor)


def _note(session: Session, publication_id: int, before: str, after: str, actor: str) -> None:
    audit.record(
        session,
        actor=actor,
        action="bounces.rule",
        object=f"publication {publication_id}",
        details={"before": before, "after": after},
    )
