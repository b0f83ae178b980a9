"""Saying yes or no to being counted. The last word counts for every publication, and for mail already sent (C5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.audience.consent import Evidence, record_consent
from newsletter.audience.models import Consent
from newsletter.audience.tracking_models import TrackingChoice

#: What the record of consents calls a yes and a no.
_WORDS: Final = {"clicks": ("clicks_yes", "clicks_no"), "opens": ("opens_yes", "opens_no")}


@dataclass(frozen=True, slots=True)
class Choices:
    """Yes, no, or None for whoever has not chosen."""

    clicks: bool | None = None
    opens: bool | None = None


def choices_of(session: Session, subscriber_id: int) -> Choices:
    """Return what a person has chosen."""
    row = session.get(TrackingChoice, subscriber_id)
    return Choices() if row is None else Choices(row.clicks, row.opens)


def choose(
    session: Session, subscriber_id: int, wanted: Choices, *, evidence: Evidence, now: datetime
) -> bool:
    """Store a choice and its evidence; return whether anything changed. None leaves what was chosen before."""
    row = session.get(TrackingChoice, subscriber_id)
    if row is None:
        row = TrackingChoice(subscriber_id=subscriber_id, clicks=None, opens=None)
    changed = False
    for what in _WORDS:
        said = getattr(wanted, what)
        if said is None or said == getattr(row, what):
            continue
        changed, row.changed_at = True, now
        setattr(row, what, said)
        action = _WORDS[what][0 if said else 1]
        record_consent(
            session, subscriber_id=subscriber_id, list_id=None, action=action, evidence=evidence, now=now
        )
    if changed:
        session.add(row)
        session.flush()
    return changed


def choices_at(session: Session, subscriber_id: int, moment: datetime) -> tuple[bool | None, bool | None]:
    """Return what a person had chosen about clicks and opens at that time."""
    return _last(session, subscriber_id, "clicks", moment), _last(session, subscriber_id, "opens", moment)


def _last(session: Session, subscriber_id: int, what: str, moment: datetime) -> bool | None:
    said = session.scalar(
        select(Consent.action)
        .where(Consent.subscriber_id == subscriber_id, Consent.action.in_(_WORDS[what]), Consent.at <= moment)
        .order_by(Consent.at.desc(), Consent.id.desc())
        .limit(1)
    )
    return None if said is None else said == _WORDS[what][0]
