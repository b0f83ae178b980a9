"""When a campaign must stop by itself: counts of a sliding window in, verdict out (T7). Pure.

The thresholds are where large providers begin to act: Gmail asks for complaints under 0.1 % and acts at 0.3 %, Amazon SES
reviews at 5 % bounces. Why these windows: docs/decisions/0011-brakes.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import IntEnum

#: Fewer attempts prove nothing.
ENOUGH = 200
ENOUGH_IN_GROUP = 20
ENOUGH_COMPLAINTS = 3
HARD_WARN, HARD_STOP = 0.02, 0.05
COMPLAINTS_WARN, COMPLAINTS_STOP = 0.001, 0.003
POLICY_STOP = 0.10
UNWRITABLE_STOP = 0.01
#: Dead addresses and messages that cannot be written are counted over an hour; returned mail and complaints come late, so
#: dead addresses and complaints are counted over a day too.
WINDOW = timedelta(hours=1)
DAY = timedelta(days=1)
GROUP_WINDOW = timedelta(minutes=10)


class Level(IntEnum):
    """What the counts ask for."""

    FREE = 0
    WARN = 1
    STOP = 2


@dataclass(frozen=True, slots=True)
class Counts:
    """Attempts with a final answer, and what went wrong among them; `groups` maps a name to (attempts, refusals)."""

    attempts: int = 0
    hard: int = 0
    unwritable: int = 0
    attempts_of_day: int = 0
    hard_of_day: int = 0
    complaints: int = 0
    groups: Mapping[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The level, and why in words for people; the words of a warning stay the same while it lasts."""

    level: Level
    why: str = ""


def judge_counts(counts: Counts) -> Verdict:
    """Return the gravest verdict."""
    verdicts = (_hard(counts), _complaints(counts), _policy(counts), _unwritable(counts))
    return max(verdicts, key=lambda verdict: verdict.level)


def _hard(counts: Counts) -> Verdict:
    windows = ((counts.hard, counts.attempts), (counts.hard_of_day, counts.attempts_of_day))
    hard, attempts = max(windows, key=lambda window: _share(*window))
    share = _share(hard, attempts)
    if share >= HARD_STOP:
        return Verdict(Level.STOP, f"{share:.1%} of the addresses are dead ({hard:,} of {attempts:,})")
    return Verdict(Level.WARN, "more than 2 % of the addresses are dead") if share >= HARD_WARN else _FREE


def _complaints(counts: Counts) -> Verdict:
    share = _share(counts.complaints, counts.attempts_of_day)
    if counts.complaints < ENOUGH_COMPLAINTS or share < COMPLAINTS_WARN:
        return _FREE
    if share >= COMPLAINTS_STOP:
        said = f"{counts.complaints:,} readers complained ({share:.2%} of {counts.attempts_of_day:,})"
        return Verdict(Level.STOP, said)
    return Verdict(Level.WARN, "more than 0.1 % of the readers complained")


def _policy(counts: Counts) -> Verdict:
    if counts.attempts_of_day < ENOUGH:
        return _FREE
    worst = max(counts.groups.items(), key=lambda each: _of(*each[1][::-1]), default=None)
    if worst is None:
        return _FREE
    name, (attempts, refused) = worst
    if _of(refused, attempts) < POLICY_STOP:
        return _FREE
    return Verdict(Level.STOP, f"{name} refuses us by policy ({refused:,} of {attempts:,} in ten minutes)")


def _unwritable(counts: Counts) -> Verdict:
    share = _share(counts.unwritable, counts.attempts)
    said = f"{share:.1%} of the messages cannot be written ({counts.unwritable:,} of {counts.attempts:,})"
    return Verdict(Level.STOP, said) if share >= UNWRITABLE_STOP else _FREE


def _share(part: int, attempts: int) -> float:
    return part / attempts if attempts >= ENOUGH else 0.0


def _of(part: int, attempts: int) -> float:
    return part / attempts if attempts >= ENOUGH_IN_GROUP else 0.0


_FREE = Verdict(Level.FREE)
