"""`make bench` measures, holds the books against the sink's, and says what it measured."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.measured import Measured, ratio, table
from tests.support.markdown import ROOT


def test_a_small_benchmark_runs(tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    arguments = ["--recipients", "30", "--rounds", "1", "--databases", "sqlite", "--json", str(result)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.delivery", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "| sqlite |" in done.stdout
    (measured,) = json.loads(result.read_text())["rounds"]
    assert measured[0]["recipients"] == 30
    assert measured[0]["message_bytes"] > 10_000


def _run(sender: str, seconds: float) -> Measured:
    return Measured(sender, recipients=100, message_bytes=1000, seconds=seconds, cpu_us=50)


def test_the_ratio_is_the_median_of_ratios_within_rounds() -> None:
    rounds = [[_run("sqlite", 2), _run("smtp-source", 1)], [_run("smtp-source", 8), _run("sqlite", 10)]]
    assert ratio(rounds, "sqlite") == pytest.approx((0.5 + 0.8) / 2)
    assert ratio([[_run("sqlite", 2)]], "sqlite") is None
    assert "| sqlite | 30 | 10–50 | 0.65 |" in table(rounds)
