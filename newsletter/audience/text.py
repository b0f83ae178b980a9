"""Words from outside made safe to store: one line, no control characters, nothing a mail header could trip over."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

MOST_NAME: Final = 200
_SPACES = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
#: Characters that hide or reorder text: zero-width, bidi overrides and isolates, tags, BOM. Joiners stay: Persian needs them.
_HIDDEN = re.compile(
    "[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\U000e0000-\U000e007f\ud800-\udfff]"
)
#: Some mail software decodes this inside plain text and so makes a header of a name (F1).
_ENCODED_WORD = re.compile(r"=\?[^?\s]{0,60}\?(?:[bqBQ]\??)?")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8}){0,3}", re.IGNORECASE)
_LANGUAGE_NAMES: Final = {
    "arabic": "ar",
    "deutsch": "de",
    "english": "en",
    "español": "es",
    "farsi": "fa",
    "french": "fr",
    "français": "fr",
    "german": "de",
    "italian": "it",
    "italiano": "it",
    "persian": "fa",
    "portuguese": "pt",
    "russian": "ru",
    "spanish": "es",
    "فارسی": "fa",
}


def one_line(value: str, most: int = MOST_NAME) -> str:
    """Return `value` as one clean line of at most `most` characters."""
    if value.isascii() and value.isprintable() and "=?" not in value:
        return " ".join(value.split())[:most].strip()
    text = _HIDDEN.sub("", _SPACES.sub(" ", unicodedata.normalize("NFC", value[: most * 4])))
    while _ENCODED_WORD.search(text):
        text = _ENCODED_WORD.sub("", text)
    return _SPACES.sub(" ", text).strip()[:most].strip()


def several_lines(value: str, most: int = 2000) -> str:
    """Return free text with its line breaks but without control and hidden characters."""
    lines = (one_line(line, most) for line in value[: most * 2].splitlines())
    return "\n".join(lines).strip()[:most].strip()


@lru_cache(maxsize=1024)
def language_tag(value: str) -> str | None:
    """Return a BCP 47 tag for `de`, `pt_BR`, `English`; None when it is no language we understand."""
    text = value.strip()
    named = _LANGUAGE_NAMES.get(text.casefold())
    if named:
        return named
    parts = text.replace("_", "-").partition(".")[0]
    if not _LANGUAGE.fullmatch(parts):
        return None
    first, *rest = parts.split("-")
    return "-".join([first.lower(), *(_subtag(part) for part in rest)])


def _subtag(part: str) -> str:
    if len(part) == 4 and part.isalpha():
        return part.title()
    return part.upper() if len(part) == 2 else part.lower()
