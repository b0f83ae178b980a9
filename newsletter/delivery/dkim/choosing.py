"""Who signs for a From address."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.delivery.dkim.keys import signer_of
from newsletter.delivery.dkim.models import DkimKey, KeyState
from newsletter.rendering.dkim import Signer
from newsletter.sealing import Sealer


def signers_for(
    session: Session, sealer: Sealer, from_domain: str, *, at: datetime | None = None
) -> tuple[Signer, ...]:
    """Return who signs for a From address, RSA first. With `at`, those that signed then."""
    return tuple(signer_of(sealer, row) for row in keys_for(session, from_domain, at=at))


def keys_for(session: Session, from_domain: str, *, at: datetime | None = None) -> list[DkimKey]:
    """Return the keys that sign for a From domain: its own, else those of the nearest domain above, so that `d=` aligns
    (RFC 9989, relaxed).
    """
    names = _self_and_parents(from_domain.lower())
    rows = list(session.scalars(select(DkimKey).where(DkimKey.domain.in_(names)).order_by(DkimKey.id)))
    signing = [row for row in rows if _signs(row, at)]
    nearest = next((name for name in names if any(row.domain == name for row in signing)), None)
    return sorted((row for row in signing if row.domain == nearest), key=lambda row: row.algorithm != "rsa")


def _signs(row: DkimKey, at: datetime | None) -> bool:
    if at is None:
        return row.state == KeyState.ACTIVE
    return (
        row.activated_at is not None
        and row.activated_at <= at
        and (row.retired_at is None or at < row.retired_at)
    )


def _self_and_parents(domain: str) -> list[str]:
    labels = domain.split(".")
    return [".".join(labels[start:]) for start in range(max(len(labels) - 1, 1))]
