"""What one request tells about who sent it, as a few bits; the headers themselves are never kept. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import IntFlag
from functools import lru_cache
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


_LONGEST: Final = 400


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
    agent, has_language, is_ahead = b"", False, False
    for name, value in headers:
        if name == b"user-agent":
            agent = value[:_LONGEST]
        elif name == b"accept-language":
            has_language = bool(value.strip())
        elif name in _PURPOSES and _AHEAD.search(value):
            is_ahead = True
    found = _of_agent(agent)
    if method == "HEAD":
        found |= Signal.HEAD
    if is_ahead:
        found |= Signal.AHEAD
    return found if has_language else found | Signal.BARE


@lru_cache(
    maxsize=4096
)  # few browsers, many readers: the search costs more than all the rest of a followed link
def _of_agent(agent: bytes) -> Signal:
    if _PROXY.search(agent):
        return Signal.PROXY
    return Signal(0) if _READER.match(agent) and not _MACHINE.search(agent) else Signal.AGENT
