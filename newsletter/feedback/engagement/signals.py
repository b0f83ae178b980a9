"""What one request tells about who sent it, as a few bits; the headers themselves are never kept. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import IntFlag
from typing import Final

#: Programs that say so, and libraries that nobody reads with. Everything that reads calls itself Mozilla/5.0 and more.
_MACHINE: Final = re.compile(
    rb"bot\b|bot/|crawl|spider|preview|headless|phantom|python|curl|wget|java/|go-http|okhttp|httpclient|libwww|scan|"
    rb"proofpoint|mimecast|barracuda|safelinks|fireeye|trendmicro|symantec|sophos|forcepoint|ironport|"
    rb"facebookexternalhit|whatsapp|linkcheck|monitor|postman|node-fetch|axios",
    re.IGNORECASE,
)
_PROXY: Final = re.compile(rb"googleimageproxy|ggpht\.com|yahoomailproxy", re.IGNORECASE)
_READER: Final = re.compile(rb"(?:Mozilla/5\.0|Opera/9\.\d+) \S")
#: Headers of browsers that fetch before anybody asked them to.
_PURPOSES: Final = frozenset({b"sec-purpose", b"purpose", b"x-purpose", b"x-moz"})
_AHEAD: Final = re.compile(rb"prefetch|prerender|preview", re.IGNORECASE)


class Signal(IntFlag):
    """A request can carry several."""

    HEAD = 1  # asked for the headers alone
    AHEAD = 2  # says that it prefetches
    AGENT = 4  # names itself a program, or names nothing
    BARE = 8  # no language: every browser sends one
    TRAP = 16  # the link that nobody sees
    PROXY = 32  # a mailbox provider's picture proxy, which fetches when the mail is opened, or before


def signals_of(method: str, headers: Iterable[tuple[bytes, bytes]]) -> Signal:
    """Return the signals of a request; header names are in small letters (ASGI)."""
    found = Signal.HEAD if method == "HEAD" else Signal(0)
    agent, has_language = b"", False
    for name, value in headers:
        if name == b"user-agent":
            agent = value
        elif name == b"accept-language":
            has_language = bool(value.strip())
        elif name in _PURPOSES and _AHEAD.search(value):
            found |= Signal.AHEAD
    return found | _of_agent(agent) | (Signal(0) if has_language else Signal.BARE)


def _of_agent(agent: bytes) -> Signal:
    if _PROXY.search(agent):
        return Signal.PROXY
    return Signal(0) if _READER.match(agent) and not _MACHINE.search(agent) else Signal.AGENT
