"""What was counted, as values: cells of (who receives the mail, what became of it), and what they add up to. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

from newsletter.delivery.states import DeliveryState

#: Groups that keep a name of their own: so many at most, each at least this part of all mail; the others are one row.
MOST_GROUPS: Final = 24
_LEAST_PART: Final = 500
OTHERS: Final = "other domains"
#: Where the mail of a person who was erased went, nobody can say any more.
FORGOTTEN: Final = "erased people"

GroupOf = Callable[[str], str]


class LedgerCell(NamedTuple):
    """So many deliveries to one destination group in one state; `kind` is hard|soft for a refusal at send time."""

    group: str
    state: int
    kind: str
    reason: str
    mails: int


class ReturnedCell(NamedTuple):
    """So many deliveries of one destination group that came back after they were accepted."""

    group: str
    kind: str
    reason: str
    mails: int


class Pace(NamedTuple):
    """Messages accepted from `at` on, until the next one begins."""

    at: datetime
    accepted: int
    per_second: float


@dataclass(frozen=True, slots=True)
class Totals:
    """Deliveries by state and refusals by kind."""

    states: dict[DeliveryState, int]
    refused: dict[str, int]
    first_sent_at: datetime | None = None
    last_sent_at: datetime | None = None

    @property
    def rows(self) -> int:
        """Return all deliveries."""
        return sum(self.states.values())

    @property
    def open(self) -> int:
        """Return the deliveries without a final state."""
        return sum(count for state, count in self.states.items() if not state.is_final)

    @property
    def is_final(self) -> bool:
        """Say whether no later answer or evidence can change a row."""
        return not self.open and not self.states.get(DeliveryState.AMBIGUOUS)

    def to_document(self) -> dict[str, Any]:
        """Return plain values for a JSON column."""
        return {
            "states": {str(int(state)): count for state, count in self.states.items() if count},
            "refused": self.refused,
            "first_sent_at": _written(self.first_sent_at),
            "last_sent_at": _written(self.last_sent_at),
        }

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Totals:
        """Read what `to_document` wrote."""
        found = {DeliveryState(int(state)): count for state, count in document["states"].items()}
        return cls(
            {state: found.get(state, 0) for state in DeliveryState},
            document["refused"],
            _read(document["first_sent_at"]),
            _read(document["last_sent_at"]),
        )


@dataclass(frozen=True, slots=True)
class Detail:
    """The ledger by destination group and reason, and how fast it went."""

    cells: list[LedgerCell] = field(default_factory=list)
    paces: list[Pace] = field(default_factory=list)

    def to_document(self) -> dict[str, Any]:
        """Return plain values for a JSON column."""
        paces = [[pace.at.isoformat(), pace.accepted, round(pace.per_second, 3)] for pace in self.paces]
        return {"cells": [list(cell) for cell in self.cells], "paces": paces}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Detail:
        """Read what `to_document` wrote."""
        paces = [Pace(datetime.fromisoformat(at), *rest) for at, *rest in document["paces"]]
        return cls([LedgerCell(*cell) for cell in document["cells"]], paces)


def _written(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _read(moment: str | None) -> datetime | None:
    return datetime.fromisoformat(moment) if moment else None


def grouped(rows: Iterable[tuple[Any, ...]], group_of: GroupOf) -> list[tuple[Any, ...]]:
    """Return rows of (domain, …, count) added up by destination group, the largest group first.

    A long tail of domains is one group, so that a summary stays small and no mail is left out.
    """
    sums: Counter[tuple[Any, ...]] = Counter()
    sizes: Counter[str] = Counter()
    for domain, *middle, count in rows:
        group = group_of(domain)
        sums[group, *middle] += count
        sizes[group] += count
    least = sizes.total() / _LEAST_PART
    largest = [group for group, size in sizes.most_common(MOST_GROUPS) if size >= least]
    rank = {group: place for place, group in enumerate(largest)}
    kept: Counter[tuple[Any, ...]] = Counter()
    for (group, *middle), count in sums.items():
        kept[group if group in rank else OTHERS, *middle] += count
    in_order = sorted(kept.items(), key=lambda item: (rank.get(item[0][0], MOST_GROUPS), item[0]))
    return [(*key, count) for key, count in in_order]
