"""Which words of a mail server mean which reason; the phrases themselves are in `tables/reasons.txt`."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from newsletter.feedback.classify.tables import sections
from newsletter.feedback.classify.values import Reason

_LONGEST: Final = 4000
#: What looks like words but is none: web addresses, mail addresses and names of hosts, and what is only said to be possible.
_NOISE: Final = re.compile(
    r"(?:https?://|\bwww\.)\S{1,300}|[^\s<>@]{1,64}@[\w.-]{1,253}|(?<=host )[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}|"
    r"\b[\w.-]{1,253}\[[\da-f.:]{3,45}\]|\bmay be \w{1,30}|\d\.\d\.\d - [a-z ]{5,40}(?= '?\d\d\d|'?\d\d\d-')"
)
_SPACE: Final = re.compile(r"\s+")


_TABLE: Final = tuple((Reason(name), pattern) for name, pattern in sections("reasons"))
_REASONS: Final = tuple((reason, pattern) for reason, pattern in _TABLE if reason is not Reason.DELAYED)
_DELAY: Final = next(pattern for reason, pattern in _TABLE if reason is Reason.DELAYED)


@lru_cache(maxsize=64)
def reason_in_words(text: str) -> Reason | None:
    """Return the first reason whose phrases are in the text; web and mail addresses count only when nothing else does."""
    shown = _plain(text)
    for form in (_NOISE.sub(" ", shown), shown):
        for reason, pattern in _REASONS:
            if pattern.search(form):
                return reason
    return None


def announces_retries(text: str) -> bool:
    """Say whether the server has not given up yet."""
    return _DELAY.search(_plain(text)) is not None


def _plain(text: str) -> str:
    return _SPACE.sub(" ", text[:_LONGEST].lower().replace("\u2019", "'"))
