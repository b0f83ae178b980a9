"""What the documentation tells people to type, read out of its Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
_FENCE = re.compile(r"^[ ]*```(\w*)\n(.*?)^[ ]*```$", re.MULTILINE | re.DOTALL)


def shell_blocks(page: Path, heading: str = "") -> list[list[str]]:
    """Return the commands of each shell block, of the section with this heading or of the whole page."""
    text = page.read_text(encoding="utf-8")
    if heading:
        text = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return [
        [line.strip() for line in body.splitlines() if line.strip()]
        for language, body in _FENCE.findall(text)
        if language == "sh"
    ]


def code_spans(page: Path) -> Iterator[str]:
    """Yield what stands between backticks within the text."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    yield from (" ".join(span.split()) for span in re.findall(r"`([^`]+)`", text))


def links(page: Path) -> Iterator[Path]:
    """Yield the files that a page's relative links and pictures name."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if "://" not in target:
            yield page.parent / target
