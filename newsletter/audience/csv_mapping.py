"""What a file's columns are taken for, and another choice: the header is what the import goes by."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from newsletter.audience.csv_columns import _MEANING, _NOT_WORD, Columns, Person
from newsletter.audience.csv_guard import csv_line
from newsletter.audience.csv_reading import CsvRow, open_csv
from newsletter.errors import InvalidInput

FIELDS: Final = ("email", "name", "first", "last", "language", "state")
ATTRIBUTE: Final = "attribute"
LEFT_OUT: Final = ""
_LINE_END: Final = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class TriedRow:
    """One row as the import would read it: a person, or why it cannot be used."""

    line: int
    cells: list[str]
    person: Person | None
    problem: str


def recognised(header: Sequence[str]) -> list[str]:
    """Return for each column the field it is taken for, `attribute`, or nothing for a column without a title."""
    meanings: list[str] = []
    for title in header:
        field = _MEANING.get(_NOT_WORD.sub("", title.casefold()))
        if field is None or field in meanings:
            meanings.append(ATTRIBUTE if title else LEFT_OUT)
        else:
            meanings.append(field)
    return meanings


def titles(header: Sequence[str], meanings: Sequence[str]) -> list[str]:
    """Return titles that say what was chosen for each column; a left out column has none.

    :raises InvalidInput: when no column, or more than one, holds the addresses.
    """
    if list(meanings).count("email") != 1:
        raise InvalidInput("Choose one column as the address.")
    return [
        meaning if meaning in FIELDS else title if meaning == ATTRIBUTE else ""
        for title, meaning in zip(header, meanings, strict=True)
    ]


def try_rows(path: Path, chosen: Sequence[str], most: int) -> list[TriedRow]:
    """Read the first rows of a file as an import with these titles would; nothing is stored."""
    columns = Columns(list(chosen))
    with open_csv(path) as file:
        return [_tried(columns, row) for row in islice(file.rows, most)]


def _tried(columns: Columns, row: CsvRow) -> TriedRow:
    if row.problem:
        return TriedRow(row.line, row.cells, None, row.problem)
    try:
        return TriedRow(row.line, row.cells, columns.person(row.line, row.cells), "")
    except InvalidInput as error:
        return TriedRow(row.line, row.cells, None, str(error))


def write_with_titles(source: Path, target: Path, chosen: Sequence[str]) -> None:
    """Write a file again under other titles; every row stays at its line, so that errors name the right one."""
    with open_csv(source) as file, target.open("w", encoding="utf-8", newline="") as out:
        out.writelines(_lines(chosen, file.rows))


def _lines(chosen: Sequence[str], rows: Iterator[CsvRow]) -> Iterator[str]:
    first = csv_line(chosen)
    yield first
    at = 1 + _line_ends(first)
    for row in rows:
        yield "\r\n" * (row.line - at)
        text = csv_line(row.cells or [row.problem])
        yield text
        at = max(at, row.line) + _line_ends(text)


def _line_ends(text: str) -> int:
    """Count as the reader does: a lone carriage return ends a line too."""
    return len(_LINE_END.findall(text))
