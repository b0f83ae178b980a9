"""The breaker of a destination group: five troubles in a row open it, one message probes it, waits double (T4). Pure."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from newsletter.delivery.limits.phrases import Advice

TROUBLES_TO_OPEN = 5
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=1)
JITTER = 0.2
#: How long a probe may take before another sender may try.
PROBE_TIME = timedelta(minutes=2)
LONGEST_WHY = 300


@dataclass(frozen=True, slots=True)
class Heard:
    """What one sender heard of a group since it last told the others.

    `troubles` are those after the last good answer; `good` says that there was one.
    """

    good: bool = False
    troubles: int = 0
    advice: Advice | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Breaker:
    """The state that all senders share. `openings` counts how often it opened without a good answer in between."""

    troubles: int = 0
    openings: int = 0
    open_until: datetime | None = None
    probing_until: datetime | None = None
    slow_until: datetime | None = None
    why: str = ""

    def state(self, now: datetime) -> str:
        """Return open, half-open, slow or closed."""
        if self.open_until is not None:
            return "open" if self.open_until > now else "half-open"
        return "slow" if self.is_slow(now) else "closed"

    def is_slow(self, now: datetime) -> bool:
        """Say whether the group gets one message a minute."""
        return self.slow_until is not None and self.slow_until > now

    def rests_until(self, now: datetime) -> datetime | None:
        """Return until when nothing may go; a probe under way counts."""
        waits = [one for one in (self.open_until, self.probing_until) if one is not None and one > now]
        return max(waits, default=None)

    def is_blank(self, now: datetime) -> bool:
        """Say whether there is nothing to remember."""
        return self.open_until is None and not self.is_slow(now) and not self.troubles


def after(breaker: Breaker, heard: Heard, now: datetime, chance: random.Random) -> Breaker:
    """Return the breaker after a sender told what it heard; what was under way when it opened says nothing new."""
    suspends = heard.advice is not None and heard.advice.rest is not None
    if breaker.open_until is not None and breaker.open_until > now and not suspends:
        return breaker
    if heard.good:
        breaker = replace(breaker, troubles=0, openings=0, open_until=None, probing_until=None)
    breaker = replace(
        breaker, troubles=breaker.troubles + heard.troubles, why=heard.why[:LONGEST_WHY] or breaker.why
    )
    if heard.advice is not None and heard.advice.slow is not None:
        breaker = replace(breaker, slow_until=now + heard.advice.slow)
    if heard.advice is not None and heard.advice.rest is not None:
        return _opened(breaker, now + heard.advice.rest)
    was_probed = breaker.open_until is not None and breaker.open_until <= now
    if heard.troubles and (breaker.troubles >= TROUBLES_TO_OPEN or was_probed):
        return _opened(breaker, now + _wait(breaker.openings, chance))
    return breaker


def _opened(breaker: Breaker, until: datetime) -> Breaker:
    longest = max(until, breaker.open_until or until)
    return replace(breaker, open_until=longest, probing_until=None, openings=breaker.openings + 1, troubles=0)


def _wait(openings: int, chance: random.Random) -> timedelta:
    doubled: timedelta = FIRST_WAIT * (1 << min(openings, 10))
    return min(doubled, LONGEST_WAIT) * (1 + JITTER * chance.random())
