"""How tokens and seats are given out: the one arithmetic that every limiter does. Pure; the Redis script is its twin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from newsletter.delivery.limits.limiter import Demand
from newsletter.delivery.limits.windows import Usage, Window

#: How long a sender that asks no more keeps its seats.
SEAT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Sitter:
    """One sender's seats: what it may use now, what the others must leave to it, and until when."""

    granted: int
    counted: int
    until: float


def seat(sitters: Mapping[str, Sitter], owner: str, most: int, now: float) -> dict[str, Sitter]:
    """Return who sits after `owner` asked.

    All who ask get the same share. Who must shrink counts with the old number until the next time it asks: by then
    the messages that it had on the wire have been answered.
    """
    others = {name: one for name, one in sitters.items() if one.until > now and name != owner}
    fair = max(1, most // (len(others) + 1))
    free = max(0, most - sum(one.counted for one in others.values()))
    before = sitters.get(owner)
    still = before.granted if before is not None and before.until > now else 0
    granted = min(fair, free)
    return others | {owner: Sitter(granted, max(granted, min(still, free)), now + SEAT_SECONDS)}


def grant(
    demands: Sequence[Demand],
    windows: Sequence[Window],
    usages: Sequence[Usage],
    seats: Sequence[int],
    now: float,
) -> tuple[int, ...]:
    """Return how many rows of each demand may go: each takes a token of all its windows, and needs one seat at least."""
    free = [window.free(usage, now) for window, usage in zip(windows, usages, strict=True)]
    granted = []
    for demand in demands:
        has_seat = demand.seats is None or seats[demand.seats] > 0
        given = min([demand.rows, *(free[index] for index in demand.windows)]) if has_seat else 0
        for index in demand.windows:
            free[index] -= given
        granted.append(given)
    return tuple(granted)


def added(
    windows: Sequence[Window],
    usages: Sequence[Usage],
    demands: Sequence[Demand],
    granted: Sequence[int],
    now: float,
) -> tuple[dict[int, int], ...]:
    """Return the windows' usages with what was granted, old slots left out."""
    after = tuple(window.pruned(usage, now) for window, usage in zip(windows, usages, strict=True))
    for demand, given in zip(demands, granted, strict=True):
        for index in demand.windows if given else ():
            slot = windows[index].slot(now)
            after[index][slot] = after[index].get(slot, 0) + given
    return after
