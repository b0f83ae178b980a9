"""The append-only record of what people agreed to or withdrew (C3)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from newsletter.audience.models import Consent


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where a consent came from. `wording` is the exact text the person saw."""

    source: str
    wording: str = ""
    ip: str = ""
    user_agent: str = ""


def wording_hash(wording: str) -> str:
    """Return the hash that proves which wording was shown."""
    return hashlib.sha256(wording.encode()).hexdigest() if wording else ""


def record_consent(
    session: Session,
    *,
    subscriber_id: int,
    list_id: int | None,
    action: str,
    evidence: Evidence,
    now: datetime,
) -> None:
    """Add one line to the record."""
    session.add(
        Consent(
            subscriber_id=subscriber_id, list_id=list_id, action=action, source=evidence.source, at=now, ip=evidence.ip[:64],
            user_agent=evidence.user_agent[:300], wording=evidence.wording, wording_hash=wording_hash(evidence.wording),
        )
    )  # fmt: skip
