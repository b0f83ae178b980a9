"""Growth and hygiene of lists, as tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from enum import StrEnum

from newsletter.audience.models import MailingList
from newsletter.errors import InvalidInput
from newsletter.reporting.growth import Day, Membership
from newsletter.reporting.tables import Table, Value, columns


class Step(StrEnum):
    """How long one row of the growth is."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    def begin(self, day: date) -> date:
        """Return the first day of the step that a day lies in; weeks begin on Monday."""
        begins: dict[Step, Callable[[date], date]] = {
            Step.DAY: lambda it: it,
            Step.WEEK: lambda it: it - timedelta(days=it.weekday()),
            Step.MONTH: lambda it: it.replace(day=1),
        }
        return begins[self](day)

    def following(self, begin: date) -> date:
        """Return the first day of the next step."""
        most_days = {Step.DAY: 1, Step.WEEK: 7, Step.MONTH: 31}
        return self.begin(begin + timedelta(days=most_days[self]))


def step_of(word: str) -> Step:
    """Return the step of that name.

    :raises InvalidInput: when there is none.
    """
    if word not in tuple(Step):
        raise InvalidInput(f"There is no step {word[:20]!r}: choose {', '.join(Step)}.")
    return Step(word)


def list_table(lists: Sequence[tuple[MailingList, Membership]]) -> Table:
    """Return every list's people by state, with those who count but get nothing."""
    return Table(
        "lists",
        "Lists",
        columns(
            list="List", name="Name", members="Members", reached="Mailed", suppressed="Suppressed", pending="Pending",
            stale="Pending for a week", left="Left",
        ),
        [
            (
                one.slug, one.name, they.confirmed, they.reached, they.suppressed, they.pending, they.stale,
                they.unsubscribed,
            )
            for one, they in lists
        ],
    )  # fmt: skip


def growth_table(membership: Membership, step: Step) -> Table:
    """Return who joined and left in each step, and how many members there were at its end, the oldest step first.

    Steps in which nothing happened are there too, so that time runs evenly.
    """
    rows: list[tuple[Value, ...]] = []
    members = 0
    for begin, days in _by_step(membership.days, step).items():
        joined, left = sum(one.joined for one in days), sum(one.left for one in days)
        members += joined - left
        rows.append((begin, joined, left, sum(one.stopped for one in days), members))
    labels = columns(
        begin=step.value.title(), joined="Joined", left="Left", stopped="Suppressed", members="Members"
    )
    return Table("growth", "Growth", labels, rows)


def _by_step(days: Sequence[Day], step: Step) -> dict[date, list[Day]]:
    steps: dict[date, list[Day]] = {}
    for one in days:
        begin = step.begin(one.day)
        while steps and (following := step.following(next(reversed(steps)))) < begin:
            steps[following] = []
        steps.setdefault(begin, []).append(one)
    return steps
