"""A verdict on one experiment, and the table of many."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.oracle import Findings

COLUMNS = (
    "",
    "messages",
    "faults",
    "lost",
    "twice",
    "ambiguous",
    "bound",
    "equation",
    "recovered s",
    "verdict",
)


@dataclass
class Verdict:
    """What one experiment showed.

    faults: how often the fault was made; bound: the most ambiguous rows allowed, None = not limited here;
    recovered_seconds: the longest time from a fault's end to the next accepted message; figures: what else was measured.
    """

    experiment: str
    title: str
    messages: int = 0
    faults: int = 0
    lost: int = 0
    twice: int = 0
    ambiguous: int = 0
    bound: float | None = None
    adds_up: bool = True
    recovered_seconds: float | None = None
    figures: dict[str, Any] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)

    def add(self, found: Findings) -> None:
        """Take in what the oracle found about one campaign."""
        self.messages += found.messages
        self.lost += len(found.lost)
        self.twice += len(found.twice)
        self.ambiguous += len(found.ambiguous)
        self.adds_up = self.adds_up and found.adds_up
        self.troubles += found.troubles

    def hold(self, condition: bool, trouble: str) -> None:
        """Note a trouble unless the condition holds."""
        if not condition:
            self.troubles.append(trouble)

    def limit_ambiguous(self, bound: float) -> None:
        """Allow so many ambiguous rows in all."""
        self.bound = round(bound, 1)
        self.hold(self.ambiguous <= bound, f"{self.ambiguous} ambiguous, at most {self.bound} allowed")

    def hold_recovery(self, seconds: float) -> None:
        """Hold that sending went on so soon after each fault."""
        took = self.recovered_seconds or 0.0
        self.hold(took <= seconds, f"recovered after {took} s, at most {seconds:g} s allowed")

    def note_recovery(self, seconds: float) -> None:
        """Keep the longest recovery."""
        self.recovered_seconds = round(max(seconds, self.recovered_seconds or 0.0), 1)

    @property
    def passed(self) -> bool:
        """True when nothing broke a promise."""
        return not self.troubles

    @property
    def cells(self) -> tuple[str, ...]:
        """The row of the table."""
        return (
            self.experiment, f"{self.messages:,}", str(self.faults), str(self.lost), str(self.twice),
            str(self.ambiguous), _shown(self.bound), "holds" if self.adds_up else "BROKEN",
            _shown(self.recovered_seconds), "pass" if self.passed else "FAIL",
        )  # fmt: skip


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"


def table(verdicts: Sequence[Verdict]) -> str:
    """Return the verdicts as aligned text, with what broke below it."""
    rows = [COLUMNS, *(each.cells for each in verdicts)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(COLUMNS))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    told = [f"{each.experiment}: {trouble}" for each in verdicts for trouble in each.troubles]
    return "\n".join([*lines, *(["", *told] if told else [])])


def write_json(verdicts: Sequence[Verdict], path: Path, *, seed: int, scale: float) -> None:
    """Write everything measured; runs of other experiments already in the file stay."""
    known = json.loads(path.read_text()) if path.exists() else {}
    for each in verdicts:
        known[each.experiment] = asdict(each) | {"passed": each.passed, "seed": seed, "scale": scale}
    path.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n")
