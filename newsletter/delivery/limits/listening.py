"""What one sender hears of each group between two looks at the shared breakers. Pure, in memory, microseconds."""

from __future__ import annotations

from dataclasses import dataclass

from newsletter.delivery.limits.breaker import TROUBLES_TO_OPEN, Heard
from newsletter.delivery.limits.phrases import Advice, advice_of, is_about_the_group, is_reply


@dataclass(slots=True)
class _Ear:
    good: bool = False
    troubles: int = 0
    advice: Advice | None = None
    why: str = ""
    #: What the last answer put an end to: a 421 is an answer too, and takes that back.
    before: tuple[bool, int] | None = None


class Listening:
    """Counts troubles in a row, group by group."""

    def __init__(self) -> None:
        self._ears: dict[str, _Ear] = {}

    def answered(self, group: str) -> None:
        """Note an answer; what is said right after it may take that back."""
        ear = self._ears.get(group)
        if ear is None:
            ear = self._ears[group] = _Ear()
        ear.before = (ear.good, ear.troubles)
        ear.good, ear.troubles = True, 0

    def troubled(self, group: str, why: str) -> bool:
        """Note a trouble; True when the group must rest at once, as far as this sender knows."""
        ear = self._ears.setdefault(group, _Ear())
        if is_reply(why) and ear.before is not None:
            ear.good, ear.troubles = ear.before
        ear.before, ear.why = None, why
        ear.advice = advice_of(why) or ear.advice
        ear.troubles += is_about_the_group(why)
        return ear.troubles >= TROUBLES_TO_OPEN or (ear.advice is not None and ear.advice.rest is not None)

    def take(self) -> dict[str, Heard]:
        """Return what was heard since the last time, and forget it."""
        ears, self._ears = self._ears, {}
        return {group: Heard(ear.good, ear.troubles, ear.advice, ear.why) for group, ear in ears.items()}
