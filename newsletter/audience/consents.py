"""Consent records: only ever added, never changed (C3)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.audience.models import Consent


class ConsentAction(StrEnum):
    """What happened between a person and a list."""

    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    IMPORTED = "imported"
    UNSUBSCRIBED = "unsubscribed"
    RESTORED = "restored"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where an action came from: proof for the person, the editor and the law."""

    source: str
    ip: str = ""
    user_agent: str = ""
    wording: str = ""


@lru_cache(maxsize=64)
def wording_hash(wording: str) -> str:
    """Return the hash of the exact words a person saw; empty when they saw none."""
    return hashlib.sha256(wording.encode()).hexdigest() if wording else ""


def record_consent(
    session: Session,
    subscriber_id: int,
    list_id: int | None,
    action: ConsentAction,
    evidence: Evidence,
    now: datetime,
) -> None:
    """Add one record."""
    session.add(
        Consent(
            subscriber_id=subscriber_id,
            list_id=list_id,
            action=action.value,
            source=evidence.source[:40],
            at=now,
            ip=evidence.ip[:64],
            user_agent=evidence.user_agent[:300],
            wording=evidence.wording,
            wording_hash=wording_hash(evidence.wording),
        )
    )


def consents_of(session: Session, subscriber_id: int) -> list[Consent]:
    """Return every record of a person, oldest first."""
    return list(
        session.scalars(select(Consent).where(Consent.subscriber_id == subscriber_id).order_by(Consent.id))
    )
