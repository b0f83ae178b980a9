"""Finding e-mail addresses in text: strict about what an address is, linear whatever the text.

In running text an address is ASCII, since in Chinese or Korean the words follow without a space; between angle brackets it
may hold any letters (RFC 6531).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_BEFORE: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+$")
_QUOTED_BEFORE: Final = re.compile(r'"[^"\n]{1,62}"$')
_AFTER: Final = re.compile(r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})\.)*[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})")
_BRACKETED: Final = re.compile(r"<([^\s<>@\"]{1,64})@([^\s<>@\",;:()\\]{3,253})>")
_LONGEST_LOCAL: Final = 64
_LONGEST_DOMAIN: Final = 253
_MOST: Final = 200
_LEADING: Final = "'`{|}=/.*!#&~"
#: Some servers write a name that is not ASCII as an encoded word (RFC 2047), though an address may hold none.
_ENCODED_WORD: Final = re.compile(r"=\?[A-Za-z0-9-]{2,20}\?[QqBb]\?[!-~]{1,60}$")


def addresses_in(text: str) -> Iterator[str]:
    """Yield the addresses in a text, in order, with repetitions."""
    position = text.find("@")
    for _ in range(_MOST):
        if position < 0:
            return
        address = _address_at(text, position)
        if address:
            yield address
        position = text.find("@", position + 1)


def first_address(text: str) -> str:
    """Return the first address in a text, or an empty one."""
    return next(addresses_in(text), "")


def _address_at(text: str, position: int) -> str:
    window = text[max(0, position - _LONGEST_LOCAL) : position]
    if not window.isascii() and (bracketed := _international(text, position)):
        return bracketed
    before = _QUOTED_BEFORE.search(window) or _BEFORE.search(window)
    after = _AFTER.match(text, position + 1, position + 1 + _LONGEST_DOMAIN)
    if before is None or after is None:
        return ""
    local = before[0] if _ENCODED_WORD.match(before[0]) else before[0].lstrip(_LEADING)
    domain = after[0].lower().rstrip(".")
    return f"{local}@{domain}" if local and "." in domain and not domain.replace(".", "").isdigit() else ""


def _international(text: str, position: int) -> str:
    start = text.rfind("<", max(0, position - _LONGEST_LOCAL - 1), position)
    match = _BRACKETED.match(text, start) if start >= 0 else None
    if match is None or match.start(2) != position + 1 or match[0].isascii() or "." not in match[2]:
        return ""
    return f"{match[1]}@{match[2].lower()}"


def unique(addresses: list[str]) -> tuple[str, ...]:
    """Return the addresses without repetitions, in order; case does not matter."""
    return tuple({address.lower(): address for address in reversed(addresses)}.values())[::-1]
