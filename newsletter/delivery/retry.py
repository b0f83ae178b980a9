"""When a deferred message is tried again (RFC 5321 §4.5.4.1): never within five minutes, then ever later, jittered."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

MINUTES = (5, 15, 30, 60, 120, 240)
JITTER = 0.25


def next_attempt(attempts: int, now: datetime, spread: float | None = None) -> datetime:
    """Return the time of the attempt after `attempts` failed ones; `spread` in 0..1 moves it by up to a quarter."""
    minutes = MINUTES[min(max(attempts, 1), len(MINUTES)) - 1]
    part = random.random() if spread is None else spread  # noqa: S311 - jitter, no secret
    return now + timedelta(minutes=minutes * (1 + JITTER * part))
