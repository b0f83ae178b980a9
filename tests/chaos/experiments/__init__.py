"""The experiments by their names, X1 to X14."""

from __future__ import annotations

from collections.abc import Callable

from tests.chaos.experiments import (
    clocks,
    cuts,
    disks,
    flood,
    freezing,
    kills,
    outages,
    partitions,
    poison,
    refusals,
    workers,
)
from tests.chaos.stage import Run
from tests.chaos.verdict import Verdict

Experiment = Callable[[Run], Verdict]
EXPERIMENTS: dict[str, Experiment] = {
    "X1": kills.x1,
    "X2": workers.x2,
    "X3": outages.x3,
    "X4": outages.x4,
    "X5": cuts.x5,
    "X6": partitions.x6,
    "X7": refusals.x7,
    "X8": disks.x8,
    "X9": clocks.x9,
    "X10": workers.x10,
    "X11": workers.x11,
    "X12": poison.x12,
    "X13": freezing.x13,
    "X14": flood.x14,
}
