"""Cells become tables: long tails together, what came back under the ledger's names, files without formulas."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime

import pytest

from newsletter.delivery.states import DeliveryState
from newsletter.errors import InvalidInput, NotFound
from newsletter.reporting.breakdown import provider_table, within
from newsletter.reporting.cells import (
    MOST_GROUPS,
    OTHERS,
    Detail,
    LedgerCell,
    Pace,
    ReturnedCell,
    Totals,
    grouped,
)
from newsletter.reporting.growth import Day, Membership
from newsletter.reporting.list_tables import Step, growth_table, step_of
from newsletter.reporting.tables import FileFormat, Table, columns, find_table, text_lines

SENT = int(DeliveryState.SENT)
NOW = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)


def test_a_long_tail_is_one_group_and_nothing_is_left_out() -> None:
    rows = [
        ("large.example.com", SENT, 50_000),
        *((f"d{place}.example.com", SENT, 3) for place in range(2_000)),
    ]
    assert grouped(rows, str) == [("large.example.com", SENT, 50_000), (OTHERS, SENT, 6_000)]
    even = [(f"d{place}.example.com", SENT, 10) for place in range(MOST_GROUPS + 5)]
    found = grouped(even, str)
    assert len(found) == MOST_GROUPS + 1
    assert found[-1] == (OTHERS, SENT, 50)


def test_what_came_back_stands_under_the_ledgers_names() -> None:
    ledger = [LedgerCell("google", SENT, "", "", 90), LedgerCell(OTHERS, SENT, "", "", 10)]
    returned = [
        ReturnedCell("google", "hard", "dead", 2),
        ReturnedCell("tiny.example.com", "soft", "full", 1),
    ]
    table = provider_table(ledger, within(ledger, returned))
    assert [(row[0], row[1], row[5]) for row in table.rows] == [("google", 90, 2), (OTHERS, 10, 1)]


def test_counts_survive_their_documents() -> None:
    totals = Totals(dict.fromkeys(DeliveryState, 3), {"hard": 1}, NOW, None)
    assert Totals.from_document(totals.to_document()) == totals
    detail = Detail([LedgerCell("google", SENT, "", "", 1)], [Pace(NOW, 5, 2.5)])
    assert Detail.from_document(detail.to_document()) == detail
    membership = Membership(3, 1, 0, 0, 0, [Day(date(2026, 11, 25), 3, 0, 0)], NOW)
    assert Membership.from_document(membership.to_document()) == membership


def test_growth_adds_up_by_week_and_month() -> None:
    days = [
        Day(date(2026, 10, 31), 5, 1, 0),
        Day(date(2026, 11, 1), 2, 0, 1),
        Day(date(2026, 11, 3), 0, 2, 0),
    ]
    membership = Membership(4, 0, 3, 0, 1, days, NOW)
    assert list(growth_table(membership, Step.WEEK).rows) == [
        (date(2026, 10, 26), 7, 1, 1, 6),
        (date(2026, 11, 2), 0, 2, 0, 4),
    ]
    assert [row[-1] for row in growth_table(membership, Step.MONTH).rows] == [4, 4]
    assert [
        (row[0].day, row[-1]) for row in growth_table(membership, Step.DAY).rows if isinstance(row[0], date)
    ] == [
        (31, 4),
        (1, 6),
        (2, 6),
        (3, 4),
    ]
    with pytest.raises(InvalidInput, match="choose day, week, month"):
        step_of("year")


def test_no_cell_of_a_file_is_a_formula() -> None:
    table = Table("t", "T", columns(a="A", at="At", n="N"), [("=1+1", NOW, 2.5), (None, date(2026, 1, 2), 0)])
    rows = list(csv.reader(io.StringIO(FileFormat.CSV.written(table))))
    assert rows[1:] == [["'=1+1", NOW.isoformat(), "2.5"], ["", "2026-01-02", "0"]]
    assert '"n": 2.5' in FileFormat.JSON.written(table)


def test_a_terminal_gets_no_control_characters() -> None:
    table = Table("t", "T", columns(a="A", n="N"), [("\x1b[31mred\x07 \u202ename", 1_000)])
    text = "\n".join(text_lines(table))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "1,000" in text
    assert list(text_lines(Table("t", "T", columns(a="A"), []))) == ["  nothing"]


def test_an_unknown_table_is_told_with_those_that_there_are() -> None:
    with pytest.raises(NotFound, match="choose one of t"):
        find_table([Table("t", "T", (), [])], "x")
