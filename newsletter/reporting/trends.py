"""Bounces over time: issue by issue, by reason and by mail provider."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from sqlalchemy.orm import Session

from newsletter.delivery.models import Campaign
from newsletter.reporting.breakdown import within
from newsletter.reporting.cells import OTHERS, LedgerCell, ReturnedCell
from newsletter.reporting.issues import ReportRow
from newsletter.reporting.reading import last_cells, returned_of
from newsletter.reporting.tables import Column, Table, Value

#: Reasons or providers with a column of their own, the most frequent ones.
_MOST: Final = 5
_OTHERS: Final = "others"


class _Bounced(NamedTuple):
    """So many bounces of one destination group for one reason."""

    group: str
    reason: str
    mails: int


def bounce_trends(session: Session, rows: Sequence[ReportRow]) -> tuple[Table, Table]:
    """Return the bounces of several campaigns by reason and by provider, in the order of the rows."""
    bounced = [_bounced_of(session, row.campaign) for row in rows]
    return (
        _trend("reasons", "Bounces by reason, issue by issue", rows, bounced, lambda one: one.reason),
        _trend("providers", "Bounces by provider, issue by issue", rows, bounced, lambda one: one.group),
    )


def _bounced_of(session: Session, campaign: Campaign) -> list[_Bounced]:
    ledger = last_cells(session, campaign)
    refused = [_of_cell(cell) for cell in ledger if cell.kind]
    return refused + [_of_cell(cell) for cell in within(ledger, returned_of(session, campaign))]


def _of_cell(cell: LedgerCell | ReturnedCell) -> _Bounced:
    return _Bounced(cell.group, cell.reason or "unknown", cell.mails)


def _trend(
    name: str,
    title: str,
    rows: Sequence[ReportRow],
    bounced: Sequence[Sequence[_Bounced]],
    key: Callable[[_Bounced], str],
) -> Table:
    sums = [_sums(of_one, key) for of_one in bounced]
    ranked = sum(sums, Counter[str]())
    del ranked[OTHERS]
    named = [word for word, _ in ranked.most_common(_MOST)]
    columns = [Column("issue", "Issue"), *(Column(word, word) for word in named), Column(_OTHERS, "Others")]
    return Table(
        name, title, tuple(columns), [_line(row, one, named) for row, one in zip(rows, sums, strict=True)]
    )


def _sums(bounced: Sequence[_Bounced], key: Callable[[_Bounced], str]) -> Counter[str]:
    found = Counter[str]()
    for one in bounced:
        found[key(one)] += one.mails
    return found


def _line(row: ReportRow, sums: Counter[str], named: Sequence[str]) -> tuple[Value, ...]:
    counts = [sums[word] for word in named]
    return (row.label, *counts, sums.total() - sum(counts))
