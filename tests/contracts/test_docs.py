"""The documentation is true: what it tells people to type works, what it names exists, what is generated is current."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from newsletter.cli.main import GROUPS, SINGLE
from newsletter.sample import FEED
from newsletter.settings import PREFIX, Settings
from tests.servers import RedisServer, free_port, listens, wait_for
from tests.support.commands import exists, parses
from tests.support.installation import Installation, stop
from tests.support.markdown import PAGES, ROOT, code_spans, links, shell_blocks
from tests.support.sink import running_sink

README = ROOT / "README.md"
NAMES = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
LARGEST_PICTURE = 150_000
EVERY_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def _words(line: str) -> list[str]:
    """Return the arguments of a line that runs `newsletter`; empty for other lines."""
    words = shlex.split(line, comments=True)
    return words[1:] if words and words[0].rpartition("/")[2] == "newsletter" else []


@EVERY_PAGE
def test_every_command_in_a_block_is_understood(page: Path) -> None:
    for words in (_words(line) for block in shell_blocks(page) for line in block):
        assert not words or parses(words)


@EVERY_PAGE
def test_every_command_in_the_text_exists(page: Path) -> None:
    named = (re.match(r"newsletter ([a-z -]+)", span) for span in code_spans(page))
    assert [match[0] for match in named if match and not exists(match[1].split(" -")[0].split())] == []


@EVERY_PAGE
def test_every_target_of_make_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    typed = [line for block in shell_blocks(page) for line in block] + list(code_spans(page))
    asked = {line.split()[1] for line in typed if re.match(r"make [a-z]+", line)}
    assert asked <= targets


@EVERY_PAGE
def test_every_setting_exists(page: Path) -> None:
    assert set(re.findall(rf"\b{PREFIX}[A-Z_]*[A-Z]", page.read_text())) <= NAMES


@EVERY_PAGE
def test_every_link_leads_somewhere(page: Path) -> None:
    assert [str(target) for target in links(page) if not target.exists()] == []


@EVERY_PAGE
def test_every_file_named_exists(page: Path) -> None:
    rooms = r"(?:newsletter|workers|templates|tests|docs|deploy|tools|alembic)/[\w./@-]+\.(?:py|md|html|yaml)"
    named = {span for span in code_spans(page) if re.fullmatch(rooms, span)}
    assert [
        name
        for name in named
        if "NAME" not in name and not _is_to_be_made(name) and not (ROOT / name).exists()
    ] == []


def _is_to_be_made(name: str) -> bool:
    """How-tos name the files that their reader will write."""
    return "press" in name or "ROOM" in name


def test_pictures_are_small() -> None:
    sizes = {path.name: path.stat().st_size for path in (ROOT / "docs" / "images").glob("*.png")}
    assert 3 <= len(sizes) <= 6
    assert {name: size for name, size in sizes.items() if size > LARGEST_PICTURE} == {}


def test_every_picture_is_shown() -> None:
    shown = {target.name for target in links(README)}
    assert {path.name for path in (ROOT / "docs" / "images").iterdir()} <= shown


def test_readme_lists_every_command() -> None:
    table = README.read_text().partition("\n## Commands\n")[2]
    assert [name for name in (*SINGLE, *GROUPS) if not re.search(rf"`(?:newsletter )?{name}`", table)] == []


def test_the_table_of_settings_is_current() -> None:
    made = subprocess.run(
        [sys.executable, ROOT / "tools" / "settings-table"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert (ROOT / "docs" / "settings.md").read_text() == made.stdout


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = [path.name[:4] for path in sorted((ROOT / "docs" / "decisions").glob("*.md"))]
    assert numbers == [f"{number:04d}" for number in range(1, len(numbers) + 1)]


def test_the_tour_works_as_printed(tmp_path: Path) -> None:
    """README, "Use it": the very commands, one after the other, on SQLite with the catcher."""
    port = free_port()
    place = Installation.at(tmp_path, catcher_port=str(port), smtp_url=f"smtp://127.0.0.1:{port}")
    _lay_out(tmp_path)
    (block,) = shell_blocks(README, "Use it")
    said = [place.run(*_words(line)).stdout for line in block]
    assert "2 = 2 sent + 0 failed" in said[-1]
    assert "<html" in (tmp_path / "issue.html").read_text()


def _lay_out(folder: Path) -> None:
    (folder / "feed.xml").write_bytes(FEED.read_bytes())
    (folder / "readers.csv").write_text("email,name\nada@example.com,Ada\nbela@example.com,Béla\n")


def test_running_for_real_works_as_printed(
    tmp_path: Path, postgres_url: str, redis_server: RedisServer
) -> None:
    """README, "Run it for real": the printed processes, on PostgreSQL and Redis, send the tour's issue."""
    preparing, processes = shell_blocks(README, "Run it for real")
    exported = {line.split()[1].partition("=")[0] for line in preparing if line.startswith("export ")}
    web, returned = free_port(), _two_free_ports()
    with running_sink(tmp_path) as sink:
        place = Installation.at(
            tmp_path,
            database_url=postgres_url,
            broker_url=redis_server.url,
            smtp_url=f"smtp://127.0.0.1:{sink.port}",
            base_url="https://letter.example.com",
            bounce_domain="bounces.example.com",
        )
        assert exported == set(place.environment) & NAMES - {"NEWSLETTER_DATA_DIR"}
        for words in filter(None, map(_words, preparing)):
            place.run(*words)
        ports = {"8025": str(web), "8027": str(returned)}
        started = [place.start(*(ports.get(word, word) for word in _words(line))) for line in processes]
        try:
            wait_for(lambda: listens(web) and listens(returned) and listens(returned + 1), "the start", 180)
            _send_the_tours_issue(place)
            assert sink.count() == 2
        finally:
            for process in started:
                stop(process)


def _send_the_tours_issue(place: Installation) -> None:
    _lay_out(place.folder)
    (block,) = shell_blocks(README, "Use it")
    for words in map(_words, block):
        if words[1] not in ("upgrade", "lint", "render", "report"):
            place.run(*words)


def _two_free_ports() -> int:
    """Return a port that is free and whose neighbour is free too: LMTP listens there."""
    while listens((port := free_port()) + 1):
        pass
    return port
