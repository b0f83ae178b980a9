"""Reads tables of phrases: sections of regular expressions, in text files that need no programmer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from newsletter.reasons.folding import without_accents

TABLES: Final = files(__package__).joinpath("tables")
_MACROS: Final = {
    "…": ".{0,60}",
    "{who}": r"\b(?:user|recipient|mail ?box|account|address(?:ee)?|e-?mail|inbox|person|alias|member|customer|destination)",
    "{us}": r"\b(?:your|this|sending|sender'?s?|client|source|connecting|originating) (?:\S{1,20} )?(?:ip|host|server|network|mta|mail ?server|isp|domain)",
}


def lines_of(table: Traversable) -> Iterator[tuple[str, str]]:
    """Yield (section, line) of a table, comments and blank lines left out."""
    section = ""
    for line in table.read_text("utf-8").splitlines():
        if line.startswith("[") and line.endswith("]"):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            yield section, without_accents(_expanded(line))


def sections(table: Traversable) -> Iterator[tuple[str, re.Pattern[str]]]:
    """Yield each section with one pattern for all of its phrases, in order; a name may come again later."""
    name, phrases = "", list[str]()
    for section, line in (*lines_of(table), ("", "")):
        if section != name and phrases:
            yield name, re.compile("|".join(phrases))
            phrases = []
        name = section
        phrases.append(line)


def _expanded(phrase: str) -> str:
    for macro, meaning in _MACROS.items():
        phrase = phrase.replace(macro, meaning)
    return phrase
