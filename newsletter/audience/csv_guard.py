"""Cells that a spreadsheet would run as formulas get an apostrophe on the way out and lose it on the way in (S14)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from typing import Final

_DANGEROUS: Final = "=+\\-@\t\r\n\0＝＋－＠"
#: What is guarded already is guarded once more: only so does every cell come back.
_NEEDS_GUARD: Final = re.compile(rf"[\s']*[{_DANGEROUS}]")
_IS_GUARDED: Final = re.compile(rf"'[\s']*[{_DANGEROUS}]")


def guarded(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return "'" + cell if _NEEDS_GUARD.match(cell) else cell


def unguarded(cell: str) -> str:
    """Return what `guarded` was given."""
    return cell[1:] if _IS_GUARDED.match(cell) else cell


def csv_line(cells: Sequence[str]) -> str:
    """Return one CSV line (RFC 4180, every cell quoted and guarded)."""
    buffer = io.StringIO()
    csv.writer(buffer, quoting=csv.QUOTE_ALL).writerow([guarded(cell) for cell in cells])
    return buffer.getvalue()
