"""A table as every report has it: shown on a page, drawn as a chart, written as CSV or JSON, always the same numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from newsletter.audience.csv_guard import csv_line
from newsletter.audience.text import one_line
from newsletter.errors import NotFound

#: Letters of a cell on a terminal.
_MOST_WORDS: Final = 60

Value = str | int | float | date | datetime | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `key` in files, `label` on pages."""

    key: str
    label: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of plain values; `name` is the one in addresses and commands."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: Sequence[tuple[Value, ...]]

    def records(self) -> list[dict[str, Value]]:
        """Return each row with the keys of its columns."""
        keys = [column.key for column in self.columns]
        return [dict(zip(keys, row, strict=True)) for row in self.rows]

    def total(self, key: str) -> int:
        """Return the sum of a column of counts."""
        return sum(value for record in self.records() if isinstance(value := record[key], int))


class FileFormat(StrEnum):
    """How a table is written; the value is the end of the file's name."""

    CSV = "csv"
    JSON = "json"

    @property
    def media_type(self) -> str:
        """What HTTP calls it."""
        return "text/csv" if self is FileFormat.CSV else "application/json"

    def written(self, table: Table) -> str:
        """Return the whole file."""
        return "".join(csv_lines(table)) if self is FileFormat.CSV else _json_text(table.records())


def columns(**labels: str) -> tuple[Column, ...]:
    """Return columns from key = label."""
    return tuple(Column(key, label) for key, label in labels.items())


def csv_lines(table: Table) -> Iterator[str]:
    """Yield the lines of a spreadsheet; no cell is taken for a formula (S14)."""
    yield csv_line([column.key for column in table.columns])
    for row in table.rows:
        yield csv_line([_cell(value) for value in row])


def text_lines(table: Table) -> Iterator[str]:
    """Yield the lines of a table for a terminal: words to the left, numbers to the right."""
    head = [column.label for column in table.columns]
    body = [[_shown(value) for value in row] for row in table.rows]
    widths = [max(len(cells[place]) for cells in [head, *body]) for place in range(len(head))]
    if not body:
        yield "  nothing"
        return
    numbers = [isinstance(value, int | float) for value in table.rows[0]]
    for cells in [head, *body]:
        each = zip(cells, widths, numbers, strict=True)
        yield (
            "  "
            + "  ".join(
                cell.rjust(width) if right else cell.ljust(width) for cell, width, right in each
            ).rstrip()
        )


def _shown(value: Value) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return f"{value:,}" if isinstance(value, int | float) else one_line(_cell(value), _MOST_WORDS)


def _cell(value: Value) -> str:
    return "" if value is None else str(plain(value))


def plain(value: Any) -> str | int | float | None:
    """Return a value as JSON and CSV know it: times in ISO 8601."""
    return value.isoformat() if isinstance(value, date) else value


def _json_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=plain) + "\n"


def tables_json(tables: Sequence[Table]) -> dict[str, list[dict[str, Value]]]:
    """Return several tables as one document, by their names."""
    return {table.name: table.records() for table in tables}


def find_table(tables: Sequence[Table], name: str) -> Table:
    """Return the table of that name.

    :raises NotFound: when there is none.
    """
    for table in tables:
        if table.name == name:
            return table
    raise NotFound(f"There is no table {name[:40]!r}: choose one of {', '.join(one.name for one in tables)}.")
