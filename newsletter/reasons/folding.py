"""Text as it is compared: small letters, no accents, white space collapsed. Servers often leave accents out."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_SPACE: Final = re.compile(r"\s+")
#: Letters that are no letter with an accent to Unicode.
_LETTERS: Final = str.maketrans(
    {"ß": "ss", "ł": "l", "ø": "o", "æ": "ae", "œ": "oe", "ı": "i", "đ": "d", "\u2019": "'", "\u2018": "'"}
)


def folded(text: str) -> str:
    """Return a text in the form in which phrases are compared."""
    return _SPACE.sub(" ", without_accents(text.lower()))


def without_accents(text: str) -> str:
    """Return a text in small letters without accents; also voicing marks and jamo come apart, alike in text and tables."""
    if text.isascii():
        return text
    apart = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    return "".join(letter for letter in apart if not unicodedata.combining(letter))
