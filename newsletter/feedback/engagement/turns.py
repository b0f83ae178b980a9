"""One counts at a time, and nobody counts while a person takes back what was counted of them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

_LOCK_KEY: Final = 7_316_011_903  # any fixed number


def take_turn(session: Session) -> bool:
    """Return whether this transaction may count: False when another one does. SQLite has one writer anyway."""
    if session.get_bind().dialect.name != "postgresql":
        return True
    return bool(session.scalar(select(func.pg_try_advisory_xact_lock(_LOCK_KEY))))


def wait_turn(session: Session) -> None:
    """Wait until nobody counts, and let nobody begin before this transaction has ended."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(_LOCK_KEY)))
