"""What a server wrote for people, taken apart: the refusing server's words, and what is told of whom."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from newsletter.feedback.classify.addresses import addresses_in
from newsletter.reasons import reason_in_words

#: Of what is told of one recipient among several, in characters.
_MOST_TOLD: Final = 600
_GIVEN_REASON: Final = re.compile(r"\(reason: ([^\n]{3,300}(?:\n[ \t][^\n]{0,300}){0,3})\)")
#: `<<< 550 …` of a transcript, `mx said: 550 …`, `Remote host said: 550 …`.
_SERVER_REPLY: Final = re.compile(
    r"(?:^[ \t>]{0,8}<<<|^.{0,80}<--|\b(?:said|replied|returned|responded|response|received >>>|error was)[\w ]{0,20}:)"
    r"[ \t]{0,4}([45]\d\d[ -][^\n]{3,300}(?:\n[ \t]{2,}[^\n]{1,200}){0,3})",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True)
class Notice:
    """`text` is the server's own; `original` holds what is known of the returned message's headers."""

    text: str
    original: tuple[tuple[str, str], ...]

    def returned(self, *names: str) -> str:
        """Return what the returned message's headers of these names hold, joined by spaces."""
        return " ".join(value for name, value in self.original if name in names)

    def said_by_the_server(self) -> str:
        """Return the words of the refusing server in a notice about one recipient: the reporter's own are often a template."""
        reasons = _GIVEN_REASON.findall(self.text)
        if len(reasons) == 1:
            return " ".join(reasons[0].split())
        replies = [" ".join(each.split()) for each in _SERVER_REPLY.findall(self.text)]
        told = [each for each in replies if reason_in_words(each) is not None]
        return told[0] if len(set(told)) == 1 else ""

    def unquoted(self) -> Notice:
        """Return the notice without the lines that a person quotes."""
        kept = [line for line in self.text.splitlines() if not line.lstrip().startswith(">")]
        return Notice("\n".join(kept), self.original)

    def told_of(self, addresses: Collection[str]) -> dict[str, Notice]:
        """Return what is told of each address: from a line that names it to a blank line, or to one that names another."""
        told: dict[str, list[str]] = {each.lower(): [] for each in addresses}
        current: set[str] = set()
        for line in self.text.splitlines():
            named = {each.lower() for each in addresses_in(line)} & told.keys() if "@" in line else set()
            current = named or (current if line.strip() else set())
            for each in current:
                told[each].append(line)
        return {each: Notice("\n".join(told[each.lower()])[:_MOST_TOLD], self.original) for each in addresses}
