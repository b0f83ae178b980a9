"""The ledger as a file: a spreadsheet, or one JSON object on each line; both one row at a time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from typing import Final

from newsletter.audience.csv_guard import csv_line
from newsletter.delivery.reading import LedgerRow

_TITLES: Final = (
    "address", "state", "message_id", "attempts", "smtp_code", "status", "reason", "response", "sent_at",
)  # fmt: skip


class LedgerFormat(StrEnum):
    """How the file is written; the value is the end of its name."""

    CSV = "csv"
    JSON_LINES = "jsonl"

    @property
    def media_type(self) -> str:
        """What HTTP calls it."""
        return "text/csv" if self is LedgerFormat.CSV else "application/jsonl"

    def lines(self, rows: Iterable[LedgerRow]) -> Iterator[str]:
        """Yield the lines of the file, with their ends."""
        return _csv_lines(rows) if self is LedgerFormat.CSV else _json_lines(rows)


def _csv_lines(rows: Iterable[LedgerRow]) -> Iterator[str]:
    """No cell is taken for a formula (S14)."""
    yield csv_line(_TITLES)
    for row in rows:
        yield csv_line([_cell(getattr(row, title)) for title in _TITLES])


def _cell(value: str | int | datetime | None) -> str:
    if value is None:
        return ""
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _json_lines(rows: Iterable[LedgerRow]) -> Iterator[str]:
    for row in rows:
        sent_at = row.sent_at.isoformat() if row.sent_at else None
        yield json.dumps(asdict(row) | {"sent_at": sent_at}, ensure_ascii=False) + "\n"
