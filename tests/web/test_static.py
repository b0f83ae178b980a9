"""Files that browsers get: what others published is unchanged and named with its licence; nothing comes from elsewhere."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path

import pytest

from newsletter.web.app import STATIC

VENDOR = STATIC / "vendor"
FILES = tomllib.loads((VENDOR / "VENDOR.toml").read_text())["file"]
OWN = sorted(path for path in STATIC.iterdir() if path.suffix in (".css", ".js", ".svg"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file["name"]))
def test_vendored_files_are_as_published(file: dict[str, str]) -> None:
    raw = (VENDOR / file["path"]).read_bytes()
    assert hashlib.sha256(raw).hexdigest() == file["sha256"]
    assert file["version"]
    assert (VENDOR / f"LICENSE-{file['name']}.txt").is_file()


def test_every_vendored_file_is_named() -> None:
    there = {path.name for path in VENDOR.iterdir() if path.suffix in (".js", ".css")}
    assert there == {file["path"] for file in FILES}


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_our_files_ask_for_nothing_from_elsewhere(path: Path) -> None:
    asked = re.findall(r"""(?:url\(|import |href="|src=")['"]?(?:https?:)?//[^)'"]+""", path.read_text())
    assert asked == []


def test_every_icon_that_pages_use_is_in_the_sprite() -> None:
    there = set(re.findall(r'<symbol id="([a-z-]+)"', (STATIC / "icons.svg").read_text()))
    pages = STATIC.parents[2] / "templates"
    used = {
        name
        for page in pages.rglob("*.html")
        for name in re.findall(r'icon\("([a-z-]+)"\)', page.read_text())
    }
    assert used <= there
