"""The experiments by their names, X1 to X14."""

from __future__ import annotations

from collections.abc import Callable

from tests.chaos.experiments import kills
from tests.chaos.stage import Run
from tests.chaos.verdict import Verdict

Experiment = Callable[[Run], Verdict]
EXPERIMENTS: dict[str, Experiment] = {"X1": kills.x1}
