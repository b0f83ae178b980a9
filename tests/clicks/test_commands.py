"""`newsletter links` as somebody types it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from newsletter.bootstrap import Container
from tests.support.counted import send_counted
from tests.support.typed import Run, command_line, installed_in


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Container]:
    """An installation that has sent a mail with six links."""
    with installed_in(tmp_path, monkeypatch) as parts:
        send_counted(parts, "ada@example.com")
        yield parts


@pytest.fixture
def run(installed: Container, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return command_line(monkeypatch, capsys)


def test_links_are_listed_repaired_and_restored(run: Run) -> None:
    code, out, _ = run("links", "list", "1", "--json")
    document = json.loads(out)
    assert (code, len(document["links"])) == (0, 6)
    assert document["clicks"] == {"people": 0, "uncertain": 0, "machines": 0}
    code, out, _ = run("links", "repair", "1", "https://harbour.example/right")
    assert (code, out) == (
        0, "Link 1 leads to https://harbour.example/right instead of https://harbour.example/1.\n",
    )  # fmt: skip
    assert "https://harbour.example/right  (repaired)" in run("links", "list", "1")[1]
    assert run("links", "undo", "1")[1] == "Link 1 leads to https://harbour.example/1 again.\n"


def test_what_cannot_be_repaired_is_said(run: Run) -> None:
    assert "whole address" in run("links", "repair", "1", "javascript:alert(1)")[2]
    assert "newsletter links list" in run("links", "repair", "99", "https://a.example/")[2]
    assert "nothing to undo" in run("links", "undo", "1")[2]
    assert run("links", "list", "99")[0] != 0


def test_a_publications_rule_is_set(run: Run) -> None:
    assert run("publication", "edit", "p", "--clicks", "asked", "--opens", "asked", "--json")[0] == 0
    shown = json.loads(run("publication", "list", "--json")[1])[0]
    assert (shown["click_counting"], shown["open_counting"]) == ("asked", "asked")
    code, _, said = run("publication", "edit", "p", "--opens", "all")
    assert code == 1
    assert "off or asked" in said
