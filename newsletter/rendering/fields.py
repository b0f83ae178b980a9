"""Merge fields: the closed set of values that differ per reader, as opaque plain words until the merge.

A token looks like `mergefirstnameqxkzwv01z`: letters and digits only, so that Markdown, lxml, premailer and
quoted-printable leave it whole. Its suffix is chosen so that no text of the issue holds it; two digits name the
fallback ("reader"). Never `{{ }}` tokens: premailer percent-encodes them, and a second template pass would execute
whatever a feed's text contains.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from newsletter.rendering.values import Recipient

FIELDS: dict[str, Callable[[Recipient], str]] = {
    "firstname": lambda recipient: recipient.first_name,
    "name": lambda recipient: recipient.name,
    "email": lambda recipient: recipient.email,
    "subscribedon": lambda recipient: (
        recipient.subscribed_at.date().isoformat() if recipient.subscribed_at else ""
    ),
    "token": lambda recipient: recipient.token,
}
#: What editors write, and the token word behind it.
WRITTEN = {"first_name": "firstname", "name": "name", "email": "email", "subscribed_on": "subscribedon"}

WRITTEN_FIELD = re.compile(r"\{\{\s*(" + "|".join(WRITTEN) + r")\s*(?:\|([^{}|]{0,80}))?\}\}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")
MOST_FALLBACKS = 100


@dataclass
class TokenBook:
    """Makes the tokens of one issue. `fallbacks[n]` is what a reader without a value sees."""

    suffix: str
    fallbacks: list[str] = field(default_factory=lambda: [""])

    @classmethod
    def avoiding(cls, text: str, seed: str) -> TokenBook:
        """Return a book whose suffix does not occur in `text`; the same for the same issue."""
        for attempt in range(1000):
            digest = hashlib.blake2b(f"{seed}/{attempt}".encode(), digest_size=6).hexdigest()
            suffix = "q" + digest.translate(str.maketrans("0123456789", "ghijklmnop"))
            if suffix not in text:
                return cls(suffix)
        raise ValueError("no free suffix")  # 16^12 candidates: not in this universe

    def token(self, word: str, fallback: str = "") -> str:
        """Return the token of a field."""
        if fallback not in self.fallbacks:
            if len(self.fallbacks) >= MOST_FALLBACKS:
                fallback = ""
            else:
                self.fallbacks.append(fallback)
        return f"merge{word}{self.suffix}{self.fallbacks.index(fallback):02d}z"

    def place(self, text: str) -> str:
        """Replace `{{first_name|reader}}` by tokens; anything else in braces stays for the checks to find."""
        return WRITTEN_FIELD.sub(lambda match: self.token(WRITTEN[match[1]], (match[2] or "").strip()), text)


def token_pattern(suffix: str) -> re.Pattern[str]:
    """Return the pattern of the tokens with this suffix: groups are word and fallback number."""
    return re.compile(rf"merge({'|'.join(FIELDS)}){suffix}(\d\d)z")


def value_of(word: str, fallback: str, recipient: Recipient) -> str:
    """Return a reader's value on one line without control or direction-override characters, or the fallback."""
    value = FIELDS[word](recipient)
    if not value.isprintable():
        value = _CONTROL.sub(" ", value).strip()
    return value or fallback
