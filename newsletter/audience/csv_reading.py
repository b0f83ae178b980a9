"""Reading any CSV that people have: encodings, delimiters, broken quotes, NULs, and never more than a row in memory."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO, Final

from newsletter.audience.csv_guard import unguarded
from newsletter.errors import InvalidInput

MOST_COLUMNS: Final = 200
MOST_CELL: Final = 10_000
MOST_LINE: Final = 1_000_000
_PIECE: Final = 1 << 20
_DELIMITERS: Final = ",;\t|"
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True)
class CsvRow:
    """One row of the file: where it begins, its cells, and why it cannot be used, if so."""

    line: int
    cells: list[str]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class CsvFile:
    """An opened file: its column titles, its rows as they are read, and how many bytes were read so far."""

    header: list[str]
    rows: Iterator[CsvRow]
    position: Callable[[], int]


@contextmanager
def open_csv(path: Path) -> Iterator[CsvFile]:
    """Open a CSV file whatever its encoding and delimiter.

    :raises InvalidInput: when it cannot be read, or is no CSV.
    """
    try:
        raw = path.open("rb")
    except OSError as error:
        raise InvalidInput(f"Cannot read {path}: {error.strerror}.") from None
    with raw:
        encoding = _encoding(raw, path)
        raw.seek(0)
        text = TextIOWrapper(raw, encoding=encoding, errors="replace", newline="")
        yield _opened(text, raw)


def _encoding(raw: BinaryIO, path: Path) -> str:
    try:
        start = raw.read(4096)
    except OSError as error:
        raise InvalidInput(f"Cannot read {path}: {error.strerror}.") from None
    if start.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise InvalidInput("This is a spreadsheet or an archive: save it as CSV first.")
    for mark, encoding in _BOMS:
        if start.startswith(mark):
            return encoding
    if start[1::2].count(0) > len(start) // 4:
        return "utf-16-le"
    if start[::2].count(0) > len(start) // 4:
        return "utf-16-be"
    return "utf-8" if _is_utf8(raw, start) else "cp1252"


def _is_utf8(raw: BinaryIO, start: bytes) -> bool:
    """Look at the whole file: one wrong byte at its end would spoil an import half done."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        decoder.decode(start)
        while piece := raw.read(_PIECE):
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _opened(text: TextIOWrapper, raw: BinaryIO) -> CsvFile:
    lines = _lines(text)
    first, delimiter, line_number = _first_line(lines)
    reader = csv.reader(_with_first(first, lines), delimiter=delimiter)
    header = _header(reader)
    return CsvFile(header, _rows(reader, line_number - 1), raw.tell)


def _lines(text: TextIOWrapper) -> Iterator[str]:
    number = 0
    while line := text.readline(MOST_LINE):
        number += 1
        if len(line) >= MOST_LINE:
            raise InvalidInput(
                f"Line {number} is longer than {MOST_LINE:,} characters: this is no list of people."
            )
        yield line.replace("\0", "") if "\0" in line else line


def _first_line(lines: Iterator[str]) -> tuple[str, str, int]:
    """Skip empty lines and Excel's `sep=;`; return the line of titles, the delimiter and the line's number."""
    for number, line in enumerate(lines, 1):
        bare = line.strip("\ufeff \r\n")
        if bare.lower().startswith("sep=") and len(bare) == 5:
            return next(lines, ""), bare[4], number + 1
        if bare:
            return line.lstrip("\ufeff"), max(_DELIMITERS, key=_unquoted(line).count), number
    raise InvalidInput("The file is empty: its first row must name the columns, one of them 'email'.")


def _unquoted(line: str) -> str:
    return "".join(line.split('"')[::2])


def _with_first(first: str, lines: Iterator[str]) -> Iterator[str]:
    yield first
    yield from lines


def _header(reader: Iterator[list[str]]) -> list[str]:
    try:
        header = [unguarded(cell.strip()) for cell in next(reader, [])]
    except csv.Error as error:
        raise InvalidInput(f"The first row cannot be read: {error}.") from None
    if len(header) > MOST_COLUMNS:
        raise InvalidInput(f"The file has {len(header):,} columns; at most {MOST_COLUMNS} are read.")
    return header


def _rows(reader: Any, skipped: int) -> Iterator[CsvRow]:
    while True:
        line = skipped + reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield CsvRow(
                line, [], f"The row cannot be read ({error}): look for a quotation mark that is not closed."
            )
            continue
        if any(cells) and any(cell.strip() for cell in cells):
            yield CsvRow(line, cells, _problem(cells))


def _problem(cells: list[str]) -> str:
    if len(cells) > MOST_COLUMNS:
        return f"The row has {len(cells):,} cells; at most {MOST_COLUMNS} are read."
    if max(map(len, cells)) > MOST_CELL:
        return (
            f"A cell is longer than {MOST_CELL:,} characters: look for a quotation mark that is not closed."
        )
    return ""
