"""Which words of a mail server mean which reason; the phrases themselves are in `tables/`."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from newsletter.reasons.folding import folded
from newsletter.reasons.languages import reasons_in_languages
from newsletter.reasons.phrases import TABLES, sections
from newsletter.reasons.reason import Reason

LONGEST: Final = 4000
#: What looks like words but is none: web addresses, mail addresses and names of hosts, and what is only said to be possible.
_NOISE: Final = re.compile(
    r"(?:https?://|\bwww\.)\S{1,300}|[^\s<>@]{1,64}@[\w.-]{1,253}|(?<=host )[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}|"
    r"\b[\w.-]{1,253}\[[\da-f.:]{3,45}\]|\bmay be \w{1,30}|\d\.\d\.\d - [a-z ]{5,40}(?= '?\d\d\d|'?\d\d\d-')"
)
_TABLE: Final = [(Reason(name), pattern) for name, pattern in sections(TABLES.joinpath("english.txt"))]
_DELAY: Final = next(pattern for reason, pattern in _TABLE if reason is Reason.DELAYED)
*_ENGLISH, _TROUBLE = (each for each in _TABLE if each[0] is not Reason.DELAYED)
_LATIN, _OTHERS = reasons_in_languages()
#: Trouble with the network comes last, after every language: servers mention it beside better reasons.
_IN_LATIN: Final = (*_ENGLISH, *_LATIN, _TROUBLE)
_IN_ANY: Final = (*_ENGLISH, *_LATIN, *_OTHERS, _TROUBLE)


@lru_cache(maxsize=64)
def reason_in_words(text: str) -> Reason | None:
    """Return the first reason whose phrases are in the text; web and mail addresses count only when nothing else does."""
    shown = folded(text[:LONGEST])
    bare = _NOISE.sub(" ", shown)
    return _first_reason(bare) or (_first_reason(shown) if bare != shown else None)


def _first_reason(text: str) -> Reason | None:
    table = _IN_LATIN if text.isascii() else _IN_ANY
    return next((reason for reason, pattern in table if pattern.search(text)), None)


def announces_retries(text: str) -> bool:
    """Say whether the server has not given up yet."""
    return _DELAY.search(folded(text[:LONGEST])) is not None
