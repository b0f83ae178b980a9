"""What news about an address leads to. Pure: it decides, others write (M21).

Hard means that the address is dead: suppressed at once. Soft failures are counted, and age. What says something about us, about
one message or about the way to it counts against nobody: RFC 3463's 5.7.x are a server's opinion of the sender.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

from newsletter.errors import InvalidInput
from newsletter.feedback.events import FAILURES

#: Reasons that say something about us or about one message.
NOT_THEIR_FAULT: Final = ("blocked", "policy", "size", "delayed", "content", "auth")
_DEAD: Final = "dead"
_LONGEST_RULE_DAYS: Final = 730


class Consequence(Enum):
    """What is done about the address."""

    NOTHING = auto()
    COUNT = auto()
    SUPPRESS = auto()


def consequence_of(word: str, kind: str | None, reason: str, status: str | None) -> Consequence:
    """Return what an event leads to; words as in `events.Event`."""
    if word == "complained":
        return Consequence.SUPPRESS
    if word not in FAILURES or kind is None or is_not_their_fault(reason, status):
        return Consequence.NOTHING
    return Consequence.SUPPRESS if kind == "hard" else Consequence.COUNT


def is_not_their_fault(reason: str, status: str | None) -> bool:
    """Say whether a failure tells nothing about the address. Some servers say 5.7.1 of users they do not have: then it is dead."""
    if reason == _DEAD:
        return False
    return reason in NOT_THEIR_FAULT or (status or "")[1:4] == ".7."


@dataclass(frozen=True, slots=True)
class SoftRule:
    """So many soft failures, the first and last of them so many days apart, none forgotten, no success in between.

    `publication_id` None is everybody's rule: it counts and suppresses everywhere. A publication's own rule counts what
    its own issues met, and suppresses there alone.
    """

    count: int = 5
    over_days: int = 14
    forget_days: int = 180
    publication_id: int | None = None

    def counted(self, times: Sequence[datetime], since: datetime | None, now: datetime) -> list[datetime]:
        """Return the failures that still count, in order: after the last success, and not too old."""
        oldest = now - timedelta(days=self.forget_days)
        return sorted(time for time in times if time >= oldest and (since is None or time > since))

    def is_met(self, counted: Sequence[datetime]) -> bool:
        """Say whether these failures are enough."""
        return len(counted) >= self.count and counted[-1] - counted[0] >= timedelta(days=self.over_days)

    def __str__(self) -> str:
        """Return the rule in words."""
        return (
            f"{self.count} soft bounces over at least {self.over_days} days without a success in between; "
            f"each is forgotten after {self.forget_days} days"
        )


def check_rule(rule: SoftRule) -> SoftRule:
    """Return the rule.

    :raises InvalidInput: when it could never be met, or would suppress on a single soft bounce.
    """
    if not 2 <= rule.count <= 100:
        raise InvalidInput("Count from 2 to 100 soft bounces: a single one says nothing about an address.")
    if not 1 <= rule.over_days < rule.forget_days <= _LONGEST_RULE_DAYS:
        raise InvalidInput(
            f"Let the days be at least 1, and bounces be remembered longer than that: at most {_LONGEST_RULE_DAYS} days."
        )
    return rule
