"""The phrases of `phrases.txt`, compiled: which words of a mail server mean which reason."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from typing import Final

from newsletter.feedback.classify.values import Reason

_LONGEST: Final = 4000
_MACROS: Final = {
    "…": ".{0,60}",
    "{who}": r"\b(?:user|recipient|mail ?box|account|address(?:ee)?|e-?mail|inbox|person|alias|member|customer|destination)",
}
#: What looks like words but is none: web addresses, mail addresses and names of hosts, and what is only said to be possible.
_NOISE: Final = re.compile(
    r"(?:https?://|\bwww\.)\S{1,300}|[^\s<>@]{1,64}@[\w.-]{1,253}|(?<=host )[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}|"
    r"\b[\w.-]{1,253}\[[\da-f.:]{3,45}\]|\bmay be \w{1,30}|\d\.\d\.\d - [a-z ]{5,40}(?= '?\d\d\d|'?\d\d\d-')"
)
_SPACE: Final = re.compile(r"\s+")


def _sections() -> Iterator[tuple[Reason, list[str]]]:
    reason, phrases = Reason.UNKNOWN, list[str]()
    for line in files(__package__).joinpath("phrases.txt").read_text("utf-8").splitlines():
        if line.startswith("["):
            yield reason, phrases
            reason, phrases = Reason(line.strip("[]")), []
        elif line and not line.startswith("#"):
            for macro, meaning in _MACROS.items():
                line = line.replace(macro, meaning)
            phrases.append(line)
    yield reason, phrases


_TABLE: Final = tuple((reason, re.compile("|".join(phrases))) for reason, phrases in _sections() if phrases)
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
