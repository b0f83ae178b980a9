"""A sender counts its answers for the brakes, in memory; the committer writes the counts down every two seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.orm import Session

from newsletter.delivery.models import AttemptTally
from newsletter.delivery.sending.journal import Result
from newsletter.delivery.states import DeliveryState
from newsletter.reasons import ABOUT_US

TallyRow = dict[str, int | str]

FLUSH_SECONDS = 2.0
#: A group with fewer answers, all good, waits for more: a long tail of domains should not write a row each.
FEW = 10
_FINAL = (DeliveryState.SENT, DeliveryState.FAILED)


@dataclass
class _Group:
    attempts: int = 0
    policy: int = 0


@dataclass
class Tally:
    """Answers since the last flush. Only final ones count: a message that is deferred has not been decided on."""

    attempts: int = 0
    hard: int = 0
    unwritable: int = 0
    flushed_at: float = 0.0
    _groups: dict[str, _Group] = field(default_factory=dict)

    def count(self, group: str, result: Result) -> None:
        """Count one answer from a destination group."""
        if result.state not in _FINAL:
            return
        self.attempts += 1
        of_group = self._groups.get(group) or self._groups.setdefault(group, _Group())
        of_group.attempts += 1
        if result.state is DeliveryState.FAILED:
            self.hard += result.bounce == "hard"
            of_group.policy += result.reason in ABOUT_US

    def count_unwritable(self) -> None:
        """Count a message that could not be made."""
        self.attempts += 1
        self.unwritable += 1

    def is_due(self, now: float, *, is_last: bool) -> bool:
        """Say whether to write; `now` is monotonic."""
        return bool(self.attempts) and (is_last or now - self.flushed_at >= FLUSH_SECONDS)

    def take(self, now: float, *, is_last: bool) -> list[TallyRow]:
        """Return the rows to write and count anew."""
        rows: list[TallyRow] = [_row(attempts=self.attempts, hard=self.hard, unwritable=self.unwritable)]
        for name, group in list(self._groups.items()):
            if name and (is_last or group.policy or group.attempts >= FEW):
                rows.append(_row(name, attempts=group.attempts, policy=group.policy))
                del self._groups[name]
        self.attempts = self.hard = self.unwritable = 0
        self.flushed_at = now
        return rows


def _row(name: str = "", **counts: int) -> TallyRow:
    row: TallyRow = {"group_name": name[:254]}
    return row | dict.fromkeys(("attempts", "hard", "policy", "unwritable", "complaints"), 0) | counts


def write_tally(session: Session, campaign_id: int, rows: Sequence[TallyRow], at: datetime) -> None:
    """Append counts; rows are never updated, so that senders do not wait for each other."""
    if rows:
        session.execute(insert(AttemptTally), [row | {"campaign_id": campaign_id, "at": at} for row in rows])


def note_complaint(session: Session, campaign_id: int, at: datetime) -> None:
    """Count a complaint that feedback read; `at` is when the message was taken, so that its attempt is in the same window."""
    write_tally(session, campaign_id, [_row(complaints=1)], at)


def note_hard_bounce(session: Session, campaign_id: int, at: datetime) -> None:
    """Count a dead address that a returned mail told of; `at` is when the message was taken."""
    write_tally(session, campaign_id, [_row(hard=1)], at)
