"""What one run gives, and what many say together."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Measured:
    """One run of one sender beside smtp-source's best of the same round.

    `cpu_us` is the CPU of the sending processes for each message, without database and sink; `peak_mb` the largest of them.
    """

    sender: str
    recipients: int
    message_bytes: int
    rate: float
    source_rate: float
    cpu_us: float
    peak_mb: float
    freeze_rate: float

    @property
    def ratio(self) -> float:
        """Messages a second to smtp-source's of the same round."""
        return self.rate / self.source_rate

    def to_json(self) -> dict[str, Any]:
        """Return a document."""
        return asdict(self) | {"ratio": round(self.ratio, 3)}


def table(runs: Sequence[Measured]) -> str:
    """Return the medians as a Markdown table."""
    lines = [
        "| sender | rounds | messages/s | smtp-source | ratio (lowest–highest) | CPU µs a message | peak MB | freeze rows/s |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    senders = dict.fromkeys(run.sender for run in runs)
    lines += [_line(sender, [run for run in runs if run.sender == sender]) for sender in senders]
    return "\n".join(lines)


def _line(sender: str, runs: Sequence[Measured]) -> str:
    ratios = sorted(run.ratio for run in runs)
    cells = (
        sender,
        str(len(runs)),
        f"{statistics.median(run.rate for run in runs):,.0f}",
        f"{statistics.median(run.source_rate for run in runs):,.0f}",
        f"**{statistics.median(ratios):.2f}** ({ratios[0]:.2f}–{ratios[-1]:.2f})",
        f"{statistics.median(run.cpu_us for run in runs):,.0f}",
        f"{max(run.peak_mb for run in runs):,.0f}",
        f"{statistics.median(run.freeze_rate for run in runs):,.0f}",
    )
    return "| " + " | ".join(cells) + " |"
