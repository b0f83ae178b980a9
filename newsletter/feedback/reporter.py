"""Which server reported a failure, by its own words (RFC 3464 §2.2.2, §2.3.5): shown to people, trusted for nothing."""

from __future__ import annotations

import re
from typing import Final

_SEARCHED_BYTES: Final = 256 * 1024
#: The server that refused says more than the one that gave up on it.
_FIELDS: Final = (b"Remote-MTA", b"Reporting-MTA")
_NAME: Final = rb"^%s:[ \t]*[\w-]{1,20}[ \t]*;[ \t]*([A-Za-z0-9.\[\]:_-]{1,254})"


def reporter_of(raw: bytes) -> str:
    """Return the name of the server; empty when the mail does not say."""
    head = raw[:_SEARCHED_BYTES]
    for field in _FIELDS:
        found = re.search(_NAME % field, head, re.IGNORECASE | re.MULTILINE)
        if found:
            return found[1].decode("ascii").lower()
    return ""
