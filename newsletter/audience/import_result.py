"""The counts of an import and the file of its bad rows."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

from newsletter.audience.csv_guard import csv_line
from newsletter.errors import InvalidInput


@dataclass
class ImportResult:
    """Adds up: rows = created + updated + unchanged + invalid + suppressed."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    invalid: int = 0
    suppressed: int = 0
    errors_file: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the form of the interface page."""
        return asdict(self)


class ErrorsFile:
    """Bad rows with line and reason, in a CSV beside the input, or in another folder when that is not writable."""

    def __init__(self, source: Path, fallback: Path | None) -> None:
        """Nothing is written before the first bad row."""
        self._paths = [source.parent / f"{source.stem}.errors.csv"]
        if fallback is not None:
            self._paths.append(fallback / f"{source.stem}.errors.csv")
        self._file: TextIO | None = None

    def note(self, line: int, reason: str, cells: list[str]) -> None:
        """Write one bad row."""
        if self._file is None:
            self._file = self._open()
            self._file.write(csv_line(["line", "reason", "row"]))
        self._file.write(csv_line([str(line), reason, " | ".join(cells)[:1000].replace("\0", "")]))

    def _open(self) -> TextIO:
        for path in self._paths:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                return path.open("w", encoding="utf-8", newline="", errors="replace")
            except OSError:
                continue
        raise InvalidInput(f"Cannot write the file of bad rows {self._paths[-1]}: make its folder writable.")

    def close(self) -> str | None:
        """Close; return the path when there were any."""
        if self._file is None:
            return None
        self._file.close()
        return self._file.name
