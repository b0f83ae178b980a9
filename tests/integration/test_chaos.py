"""The short version of the chaos suite: killed senders and a rolling restart. `make chaos` is the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.experiments import kills, workers
from tests.chaos.stage import Run, stage
from tests.chaos.verdict import Verdict

PEOPLE = 1_000
KILLS = 2


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A small run whose choices are always the same."""
    return Run(tmp_path, seed=3, scale=0.03)


def test_killed_senders_lose_nobody_and_write_to_nobody_twice(run: Run) -> None:
    verdict = Verdict("X1", "short")
    with stage(run, "x1", PEOPLE, latency=0.02) as on:
        sending = on.start()
        opened = kills.kill_until(sending, KILLS, run.chance("X1"))
        verdict.add(sending.finish(120))
    verdict.limit_ambiguous(sum(opened))
    assert opened
    assert verdict.troubles == []


def test_a_rolling_restart_leaves_nothing_unknown(run: Run) -> None:
    assert workers.x11(run).troubles == []
