"""Reads the tables of phrases: sections of regular expressions, in text files that need no programmer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Final

_MACROS: Final = {
    "…": ".{0,60}",
    "{who}": r"\b(?:user|recipient|mail ?box|account|address(?:ee)?|e-?mail|inbox|person|alias|member|customer|destination)",
}


def sections(table: str) -> Iterator[tuple[str, re.Pattern[str]]]:
    """Yield each section of a table with one pattern for all of its phrases, in order; a name may come twice."""
    name, phrases = "", list[str]()
    for line in [
        *files(__package__).joinpath("tables", f"{table}.txt").read_text("utf-8").splitlines(),
        "[]",
    ]:
        if line.startswith("[") and line.endswith("]"):
            if phrases:
                yield name, re.compile("|".join(phrases), re.IGNORECASE)
            name, phrases = line.strip("[]"), []
        elif line and not line.startswith("#"):
            phrases.append(_expanded(line))


def _expanded(phrase: str) -> str:
    for macro, meaning in _MACROS.items():
        phrase = phrase.replace(macro, meaning)
    return phrase


SIGNS: Final = dict(sections("signs"))
