"""The benchmark of the reports fills a database that agrees with itself, and measures every query."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.reports_document import rendered
from newsletter.db.session import create_database_engine, create_reading_sessions
from newsletter.delivery.control.campaigns import find_campaign
from newsletter.reporting.campaigns import campaign_report
from newsletter.settings import Settings
from tests.support.markdown import ROOT


def test_a_small_installation_is_filled_and_measured(postgres_url: str, tmp_path: Path) -> None:
    result = tmp_path / "reports.json"
    arguments = [postgres_url, "--fill", "--people", "2000", "--campaigns", "3", "--json", str(result)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.reports", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    document = json.loads(result.read_text())
    assert document["sizes"] == {"subscribers": 2000, "deliveries": 6000}
    assert all(times["median"] > 0 for times in document["queries_ms"].values())
    assert "| what happened to one address |" in rendered(document)
    _check_books(postgres_url)


def _check_books(url: str) -> None:
    engine = create_database_engine(Settings(_env_file=None, database_url=url).sqlalchemy_url)
    with create_reading_sessions(engine)() as session:
        ended, running = (campaign_report(session, find_campaign(session, ref)) for ref in ("2", "3"))
    engine.dispose()
    assert ended.adds_up
    assert (ended.sent, ended.failed, ended.suppressed, ended.open) == (1960, 30, 10, 0)
    assert running.adds_up
    assert running.open == 1000
