"""`make bench` measures, holds the books, and says what it measured."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.measured import Measured, table
from tests.support.markdown import ROOT


def test_a_small_benchmark_runs(tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    arguments = ["--recipients", "30", "--rounds", "1", "--dkim", "none,ed25519", "--json", str(result)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.delivery", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "| embedded, ed25519 |" in done.stdout
    runs = json.loads(result.read_text())["runs"]
    assert [run["sender"] for run in runs] == ["workers", "workers, ed25519", "embedded", "embedded, ed25519"]
    assert all(run["recipients"] == 30 and run["message_bytes"] > 40_000 for run in runs)


def test_the_parts_are_measured(tmp_path: Path) -> None:
    result = tmp_path / "parts.json"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.parts", "--rows", "1000", "--json", str(result)],
        cwd=ROOT, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    parts = json.loads(result.read_text())
    assert parts["message_rsa_us"] > parts["bare_rsa_us"]
    assert {"client_30kb", "client_5kb", "sqlite", "postgresql"} <= set(parts)


def _run(sender: str, rate: float, source: float) -> Measured:
    return Measured(sender, 100, 1000, rate, source, cpu_us=50, peak_mb=80, freeze_rate=1000)


def test_the_ratio_is_the_median_of_ratios_within_rounds() -> None:
    runs = [_run("embedded", 50, 100), _run("embedded", 80, 100), _run("embedded", 12, 20)]
    assert "| embedded | 3 | 50 | 100 | **0.60** (0.50–0.80) | 50 | 80 | 1,000 |" in table(runs)
