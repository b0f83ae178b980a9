"""When rows without a token come back: neither so early that they are claimed and held in a ring, nor all at once. Pure.

Rows whose token will be there within seconds come exactly then. The others are strewn over the time that everything
that still waits will need, so that about as many come as tokens do; at most over six hours, so that nothing sleeps while
a limit has been lifted or another campaign has ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from newsletter.delivery.limits.windows import Usage, Window

NEAR_SECONDS = 10.0
MOST_SPREAD_SECONDS = 6 * 3600.0
#: Rows that a calendar day sends to the next come within its first minute.
MIDNIGHT_SPREAD_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Counter:
    """A window with its usage after this chunk has taken its tokens."""

    window: Window
    usage: Usage


def appointments(counters: Sequence[Counter], rows: int, waiting: int, now: float) -> list[float]:
    """Return a time (seconds since 1970) for each of `rows`, ascending; `waiting` is how many wait altogether."""
    near = [at for at in _token_times(counters, rows, now) if at <= now + NEAR_SECONDS]
    rest = rows - len(near)
    if not rest:
        return near
    first = max(_first_token(each, len(near), now) for each in counters)
    spread = _spread(counters, max(waiting, rows))
    return near + [first + spread * (index + 0.5) / rest for index in range(rest)]


def _token_times(counters: Sequence[Counter], rows: int, now: float) -> list[float]:
    """Return when the first of the rows' tokens come back, as far as what was taken tells."""
    times = [_releases(each, rows, now) for each in counters]
    count = min(len(one) for one in times)
    return [max(one[index] for one in times) for index in range(count)]


def _releases(counter: Counter, rows: int, now: float) -> list[float]:
    times = [now] * min(rows, counter.window.free(counter.usage, now))
    for at, count in counter.window.releases(counter.usage, now):
        times += [at] * min(count, rows - len(times))
    return times


def _first_token(counter: Counter, index: int, now: float) -> float:
    """Return when the token with this index comes back; what was not taken yet comes a window later at the latest."""
    times = _releases(counter, index + 1, now)
    return times[index] if len(times) > index else now + counter.window.seconds


def _spread(counters: Sequence[Counter], waiting: int) -> float:
    if any(each.window.ends_at is not None for each in counters):
        return MIDNIGHT_SPREAD_SECONDS
    slowest = min(each.window.per_second for each in counters)
    return min(MOST_SPREAD_SECONDS, waiting / slowest)
