"""Habits that keep the house in order, held by a test."""

from __future__ import annotations

import ast
import re
import statistics
from pathlib import Path

import newsletter

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted([*ROOT.glob("newsletter/**/*.py"), *ROOT.glob("workers/**/*.py")])


def _function_lengths() -> list[int]:
    functions = (
        node
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return [(node.end_lineno or node.lineno) - node.lineno + 1 for node in functions]


def test_functions_are_short() -> None:
    assert statistics.median(_function_lengths()) <= 10


def test_files_are_one_thing() -> None:
    long = {
        str(path.relative_to(ROOT)): count
        for path in SOURCES
        if (count := len(path.read_text().splitlines())) > 400
    }
    assert long == {}


def test_only_unit_of_work_commits() -> None:
    allowed = {"newsletter/db/session.py"}
    found = {
        str(path.relative_to(ROOT)) for path in SOURCES if re.search(r"session\.commit\(\)", path.read_text())
    }
    assert found <= allowed


def test_only_settings_reads_the_environment() -> None:
    readers = {
        str(path.relative_to(ROOT))
        for path in SOURCES
        if re.search(r"os\.(environ|getenv)", path.read_text())
    }
    assert readers <= {"newsletter/settings.py"}


def test_the_changelog_knows_this_version() -> None:
    assert f"## {newsletter.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_locks_hold_hashes_and_no_addresses() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text()
        assert "://" not in text
        assert text.count("--hash=sha256:") > 100
