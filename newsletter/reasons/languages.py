"""What servers say in other languages than English: a small vocabulary for each, and how its words make a phrase.

A phrase is a thing and what is said of it, in either order and near each other: "Postfach … voll", "unbekannter Benutzer".
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Final

from newsletter.reasons.phrases import TABLES, lines_of
from newsletter.reasons.reason import Reason

#: (the reason, the word for the thing, what is said of it): the first that fits decides.
_PHRASES: Final = (
    (Reason.FULL, "box", "full"),
    (Reason.SIZE, "message", "large"),
    (Reason.CONTENT, "spam", ""),
    (Reason.BLOCKED, "listed", ""),
    (Reason.POLICY, "rule", ""),
    (Reason.DEAD, "who", "gone"),
    (Reason.NETWORK, "trouble", ""),
)


Patterns = list[tuple[Reason, re.Pattern[str]]]


def reasons_in_languages() -> tuple[Patterns, Patterns]:
    """Return the patterns of all languages of Latin script together, a reason after the other, and those of other scripts."""
    languages: dict[str, dict[str, str]] = defaultdict(dict)
    for language, line in lines_of(TABLES.joinpath("languages.txt")):
        name, _, words = line.partition(": ")
        languages[language][name] = words
    latin = [words for words in languages.values() if words["who"].isascii()]
    others = [words for words in languages.values() if not words["who"].isascii()]
    return _patterns(latin), _patterns(others)


def _patterns(languages: list[dict[str, str]]) -> Patterns:
    found = []
    for reason, thing, said in _PHRASES:
        phrases = [phrase for words in languages if (phrase := _phrase(words, thing, said))]
        found.append((reason, re.compile("|".join(phrases))))
    return found


def _phrase(words: dict[str, str], thing: str, said: str) -> str:
    if not words.get(thing):
        return ""
    if not said:
        return words[thing]
    return f"(?:{words[thing]}).{{0,60}}?(?:{words[said]})|(?:{words[said]}).{{0,40}}?(?:{words[thing]})"
