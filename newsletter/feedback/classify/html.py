"""The words of an HTML notice, one pass, without a parser that could be made slow."""

from __future__ import annotations

import re
from html import unescape
from typing import Final

_LONGEST: Final = 200_000
_NAME: Final = re.compile(r"/?[a-z][a-z0-9]{0,12}", re.IGNORECASE)
_HIDDEN: Final = frozenset({"style", "script", "head", "title"})
_BREAKS: Final = frozenset(
    {"br", "p", "/p", "/div", "/tr", "/li", "/h1", "/h2", "/h3", "/h4", "/table", "hr", "pre", "/pre"}
)


def words_of(markup: str) -> str:
    """Return what a reader would see; `<ada@example.com>` is an address, not a tag."""
    first, *pieces = markup[:_LONGEST].split("<")
    words, hidden = [first], ""
    for piece in pieces:
        tag, _, text = piece.partition(">")
        match = _NAME.match(tag)
        name = match[0].lower() if match else ""
        if hidden:
            if name != "/" + hidden:
                continue
            hidden = ""
        elif name in _HIDDEN:
            hidden = name
            continue
        if "@" in tag.partition(" ")[0]:
            words.append("<" + piece)
        else:
            words.append(("\n" if name in _BREAKS else " ") + text)
    return unescape("".join(words))
