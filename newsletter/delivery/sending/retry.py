"""When a deferred message is tried again: jittered, first after five minutes at least (greylisting), until it expires (T3)."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

FIRST = timedelta(minutes=5)
SCHEDULE = (
    FIRST,
    timedelta(minutes=15),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=2),
    timedelta(hours=4),
)
JITTER = 0.1
LIFETIME = timedelta(hours=24)


def next_attempt(attempts: int, now: datetime, chance: random.Random) -> datetime:
    """Return the time of the next attempt after `attempts` of them; never earlier than the schedule says."""
    pause = SCHEDULE[min(max(attempts, 1), len(SCHEDULE)) - 1]
    return now + pause * (1 + JITTER * chance.random())
