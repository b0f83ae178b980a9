"""What one sender hears of each group between two looks at the shared breakers. Pure, in memory, microseconds.

We send through relays. A relay that is in trouble itself hangs up on everybody; then no group is to blame. So troubles count
against a group only when another group got a good answer after they began, and they are forgotten when a second group is in
trouble too without a good answer in between.
"""

from __future__ import annotations

from dataclasses import dataclass

from newsletter.delivery.limits.breaker import TROUBLES_TO_OPEN, Heard
from newsletter.delivery.limits.phrases import Advice, advice_of, is_about_the_group, is_reply


@dataclass(slots=True)
class _Ear:
    good: bool = False
    troubles: int = 0
    #: Good answers of others when the troubles began.
    others_then: int = 0
    own: int = 0
    advice: Advice | None = None
    why: str = ""
    #: What the last answer put an end to: a 421 is an answer too, and takes that back.
    before: tuple[bool, int, set[str]] | None = None


class Listening:
    """Counts troubles in a row, group by group."""

    def __init__(self) -> None:
        self._ears: dict[str, _Ear] = {}
        self._answers = 0
        self._troubled: set[str] = set()

    def answered(self, group: str) -> None:
        """Note an answer; what is said right after it may take that back."""
        ear = self._ears.get(group)
        if ear is None:
            ear = self._ears[group] = _Ear()
        ear.before = (ear.good, ear.troubles, self._troubled)
        ear.good, ear.troubles = True, 0
        ear.own += 1
        self._answers += 1
        if self._troubled:
            self._troubled = set()

    def troubled(self, group: str, why: str) -> bool:
        """Note a trouble; True when the group must rest at once, as far as this sender knows."""
        ear = self._ears.setdefault(group, _Ear())
        if is_reply(why):
            self._take_back(ear)
        ear.before, ear.why = None, why
        ear.advice = advice_of(why) or ear.advice
        if is_about_the_group(why):
            self._count(group, ear)
        is_told_to = ear.advice is not None and ear.advice.rest is not None
        return is_told_to or (ear.troubles >= TROUBLES_TO_OPEN and self._is_proven(ear))

    def _take_back(self, ear: _Ear) -> None:
        if ear.before is not None:
            ear.good, ear.troubles, self._troubled = ear.before
            ear.own -= 1
            self._answers -= 1

    def _count(self, group: str, ear: _Ear) -> None:
        self._troubled.add(group)
        if len(self._troubled) > 1:
            for each in self._troubled:
                self._ears.setdefault(each, _Ear()).troubles = 0
            return
        if not ear.troubles:
            ear.others_then = self._answers - ear.own
        ear.troubles += 1

    def _is_proven(self, ear: _Ear) -> bool:
        """Say whether others got good answers since the group's troubles began."""
        return self._answers - ear.own > ear.others_then

    def take(self) -> dict[str, Heard]:
        """Return what was heard since the last time, and forget it; troubles that nothing proves yet stay."""
        ears, self._ears = self._ears, {}
        heard = {}
        for group, ear in ears.items():
            is_proven = self._is_proven(ear)
            heard[group] = Heard(ear.good, ear.troubles if is_proven else 0, ear.advice, ear.why)
            if ear.troubles and not is_proven:
                self._ears[group] = _Ear(troubles=ear.troubles, others_then=self._answers, why=ear.why)
        return heard
