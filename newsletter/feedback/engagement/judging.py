"""Who followed a link: a machine, a person, or nobody can say. Pure: an episode in, verdicts out.

An episode is the run of hits on one delivery's links without a pause of `QUIET`. Scanners of mail gateways follow every
link within seconds, the invisible one too; people choose a link, read, and come back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from itertools import groupby, pairwise
from typing import Final

from newsletter.feedback.engagement.signals import Signal

#: A pause of this length ends an episode.
QUIET: Final = timedelta(seconds=30)
#: Nobody has received, opened and clicked a mail so soon after the relay took it.
AT_ONCE: Final = timedelta(seconds=5)
#: Hardly anybody has.
SOON: Final = timedelta(seconds=20)
#: Three links in this time is faster than hands and eyes.
RUSH: Final = timedelta(seconds=2)
_RUSHED: Final = 3
#: Two links in this time may be a machine's beginning.
_INSTANT: Final = timedelta(milliseconds=500)
#: Following so much of a mail, at this pace, is no reading.
_SWEEP_SHARE: Final = 0.8
_SWEEP_LEAST: Final = 4
_SWEEP_PACE: Final = timedelta(seconds=2)
_OWN_WORD: Final = Signal.HEAD | Signal.AHEAD | Signal.AGENT


class Verdict(IntEnum):
    """In the order in which a better one replaces what was said before."""

    MACHINE = 0
    UNCERTAIN = 1
    PERSON = 2


@dataclass(frozen=True, slots=True)
class Seen:
    """One hit; `link_id` is None for the picture that counts opens."""

    link_id: int | None
    at: datetime
    signals: Signal


def episodes(hits: Sequence[Seen]) -> Iterator[list[Seen]]:
    """Cut the hits of one delivery at its pauses; hits come in the order of time."""
    number, last = 0, None
    numbered = []
    for hit in hits:
        if last is not None and hit.at - last > QUIET:
            number += 1
        numbered.append((number, hit))
        last = hit.at
    for _, run in groupby(numbered, key=lambda each: each[0]):
        yield [hit for _, hit in run]


def judge(episode: Sequence[Seen], *, links: int, sent_at: datetime | None) -> list[Verdict]:
    """Return a verdict for each hit of an episode; `links` is how many links the mail has, the invisible one apart."""
    if any(Signal.TRAP in hit.signals for hit in episode) or _is_rush(episode) or _is_sweep(episode, links):
        return [Verdict.MACHINE] * len(episode)
    best = Verdict.UNCERTAIN if _is_instant(episode) else Verdict.PERSON
    return [min(_alone(hit, sent_at), best) for hit in episode]


def _alone(hit: Seen, sent_at: datetime | None) -> Verdict:
    """Return what a hit says without its neighbours."""
    age = None if sent_at is None else hit.at - sent_at
    if hit.signals & _OWN_WORD or (age is not None and age < AT_ONCE):
        return Verdict.MACHINE
    is_bare = Signal.BARE in hit.signals and hit.link_id is not None
    is_soon = age is not None and age < SOON
    if is_bare and is_soon:
        return Verdict.MACHINE
    return Verdict.UNCERTAIN if is_bare or is_soon or Signal.PROXY in hit.signals else Verdict.PERSON


def _firsts(episode: Sequence[Seen]) -> list[datetime]:
    """Return when each link of an episode was followed for the first time, in order."""
    first: dict[int, datetime] = {}
    for hit in episode:
        if hit.link_id is not None:
            first.setdefault(hit.link_id, hit.at)
    return sorted(first.values())


def _is_rush(episode: Sequence[Seen]) -> bool:
    times = _firsts(episode)
    return any(later - sooner <= RUSH for sooner, later in zip(times, times[_RUSHED - 1 :], strict=False))


def _is_sweep(episode: Sequence[Seen], links: int) -> bool:
    times = _firsts(episode)
    if len(times) < max(_SWEEP_LEAST, links * _SWEEP_SHARE):
        return False
    return times[-1] - times[0] <= _SWEEP_PACE * (len(times) - 1)


def _is_instant(episode: Sequence[Seen]) -> bool:
    times = _firsts(episode)
    return any(later - sooner <= _INSTANT for sooner, later in pairwise(times))
