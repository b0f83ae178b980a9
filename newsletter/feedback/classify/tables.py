"""The signs of returned mail, automatic answers and wishes to leave: a table of phrases, one pattern for each section."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from newsletter.reasons.phrases import sections

SIGNS: Final = dict(sections(files(__package__).joinpath("tables", "signs.txt")))
