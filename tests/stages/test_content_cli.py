"""`newsletter posts`: what it prints, and what it says to bad input."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import func, select

from newsletter.bootstrap import Container
from newsletter.content.models import Post, Source
from newsletter.db.session import unit_of_work
from newsletter.issues.models import Issue
from newsletter.issues.service import create_publication
from tests.support.feeds import feed, item
from tests.support.typed import Run, command_line, installed_in


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Container]:
    """An installation in a folder of its own, with the publication `letter`."""
    with installed_in(tmp_path, monkeypatch) as parts:
        with unit_of_work(parts.sessions) as session:
            create_publication(session, slug="letter", name="Letter", sender="Letter <letter@example.com>")
        yield parts


@pytest.fixture
def run(installation: Container, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `newsletter posts …`; returns exit code, output and errors."""
    return partial(command_line(monkeypatch, capsys), "posts")


def test_import_and_list(run: Run, tmp_path: Path) -> None:
    (tmp_path / "feed.xml").write_bytes(feed(item(author="Ada Lind")).raw)
    code, output, _ = run("import", "feed.xml", "--json")
    assert (code, json.loads(output)) == (
        0,
        {"format": "rss", "found": 1, "created": 1, "updated": 0, "unchanged": 0, "skipped": []},
    )
    assert "1 unchanged" in run("import", "feed.xml")[1]
    assert "2026-02-03  The pier" in run("list")[1]
    (listed,) = json.loads(run("list", "--json")[1])
    assert (listed["title"], listed["author"], listed["in_issues"]) == ("The pier", "Ada Lind", [])


def test_an_empty_list_says_what_to_do(run: Run) -> None:
    assert "newsletter posts import" in run("list")[1]


def test_an_old_issue_fills_the_publication(run: Run, installation: Container, tmp_path: Path) -> None:
    (tmp_path / "feed.xml").write_bytes(feed(item("Letter No. 3"), item("Newsletter No. 7", guid="7")).raw)
    assert run("import", "feed.xml", "--publication", "letter")[0] == 0
    with installation.sessions() as session:
        assert session.scalars(select(Issue.number)).all() == [7]


BAD = {
    "missing.xml": ([], "No such file"),
    ".": ([], "directory"),
    "empty.xml": ([], "empty"),
    "binary.bin": ([], "neither a feed"),
    "page.html": ([], "No posts were found"),
    "cut.xml": ([], "breaks off"),
    "good.xml": (["--format", "json"], "not a JSON Feed"),
    "./good.xml": (["--format", "word"], "Unknown format 'word'"),
    "././good.xml": (["--publication", "nope"], "no publication 'nope'"),
    "ftp://example.com/feed": ([], "must start with http"),
    "http://127.0.0.1/feed": ([], "not on the public internet"),
    "http://127.0.0.1:8025/feed": ([], "Port 8025 is refused"),
    "bad\0name": ([], "Cannot read"),
}


@pytest.mark.parametrize("where", BAD)
def test_bad_input_is_one_plain_sentence_and_stores_nothing(
    where: str, run: Run, installation: Container, tmp_path: Path
) -> None:
    whole = feed(item()).raw
    files = {"empty.xml": b"", "binary.bin": bytes(range(256)), "cut.xml": whole[:-30], "good.xml": whole}
    files["page.html"] = b"<!DOCTYPE html><html><body><p>Nothing here.</p></body></html>"
    for name, raw in files.items():
        (tmp_path / name).write_bytes(raw)
    options, sentence = BAD[where]
    code, output, errors = run("import", where, *options)
    assert (code, output) == (1, "")
    assert sentence in errors
    assert len(errors.splitlines()) == 1
    with installation.sessions() as session:
        assert [session.scalar(select(func.count()).select_from(table)) for table in (Source, Post)] == [0, 0]
