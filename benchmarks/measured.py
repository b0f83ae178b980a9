"""What one run gives, and what many say together."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

BASE = "smtp-source"


@dataclass(frozen=True)
class Measured:
    """One run of one sender. `cpu_us` is its own process's CPU time for each message; database and sink are not in it."""

    sender: str
    recipients: int
    message_bytes: int
    seconds: float
    cpu_us: float
    freeze_seconds: float | None = None

    @property
    def rate(self) -> float:
        """Messages a second, from the first claim to the last result."""
        return self.recipients / self.seconds

    def to_json(self) -> dict[str, Any]:
        """Return a document."""
        return asdict(self) | {"messages_per_second": round(self.rate, 1)}


Round = Sequence[Measured]


def ratio(rounds: Sequence[Round], sender: str) -> float | None:
    """Return the median, over the rounds, of the sender's rate to smtp-source's of the same round."""
    ratios = [
        one.rate / base.rate
        for measured in rounds
        for one in measured
        for base in measured
        if one.sender == sender and base.sender == BASE
    ]
    return statistics.median(ratios) if ratios else None


def table(rounds: Sequence[Round]) -> str:
    """Return the medians as a Markdown table."""
    lines = [
        "| sender | messages/s | slowest–fastest | to smtp-source | CPU µs a message | freeze s |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for sender in dict.fromkeys(one.sender for measured in rounds for one in measured):
        runs = [one for measured in rounds for one in measured if one.sender == sender]
        lines.append(_line(sender, runs, ratio(rounds, sender)))
    return "\n".join(lines)


def _line(sender: str, runs: Sequence[Measured], to_base: float | None) -> str:
    rates = sorted(one.rate for one in runs)
    freezes = [one.freeze_seconds for one in runs if one.freeze_seconds is not None]
    cells = (
        sender,
        f"{statistics.median(rates):,.0f}",
        f"{rates[0]:,.0f}–{rates[-1]:,.0f}",
        "–" if to_base is None else f"{to_base:.2f}",
        f"{statistics.median(one.cpu_us for one in runs):,.0f}",
        f"{statistics.median(freezes):.2f}" if freezes else "–",
    )
    return "| " + " | ".join(cells) + " |"
