"""Any document of posts, by looking at it: RSS, Atom, JSON Feed, WordPress export or REST, an archive page."""

from __future__ import annotations

import json
import re
from typing import Any

from newsletter.content.parse.common import decode, unpack
from newsletter.content.values import ParsedFeed
from newsletter.errors import InvalidInput

FORMATS = ("auto", "rss", "atom", "json", "wxr", "wordpress", "archive")
_ROOT = re.compile(rb"<\s*(?:[\w-]+:)?(rss|feed|rdf|html|channel)\b", re.IGNORECASE)
_WXR = re.compile(rb"wordpress\.org/export/|<(?:\w+:)?wxr_version>", re.IGNORECASE)


def parse(raw: bytes, *, format: str = "auto", location: str = "") -> ParsedFeed:
    """Read a document into plain values. Pure; bounded in size, depth and count.

    :raises InvalidInput: with one sentence that says what is wrong with the document.
    """
    if format not in FORMATS:
        raise InvalidInput(f"Unknown format {format!r}: use one of {', '.join(FORMATS)}.")
    raw = unpack(raw)
    kind = sniff(raw) if format == "auto" else format
    if kind in ("json", "wordpress"):
        return _json(raw, location)
    if kind == "wxr":
        from newsletter.content.parse.wxr import parse_wxr

        return parse_wxr(raw, location)
    if kind == "archive":
        from newsletter.content.parse.archive import parse_archive

        return parse_archive(decode(raw), location)
    from newsletter.content.parse.feed import parse_feed

    return parse_feed(raw, location)


def sniff(raw: bytes) -> str:
    """Return the format by content.

    :raises InvalidInput: when it is none of ours.
    """
    start = raw.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if start in (b"{", b"["):
        return "json"
    head = raw[:8192].replace(b"\0", b"")
    if _WXR.search(head):
        return "wxr"
    root = _ROOT.search(head)
    if root is None:
        raise InvalidInput("This is neither a feed nor an export nor a page with posts.")
    return "archive" if root[1].lower() == b"html" else "rss"


def _json(raw: bytes, location: str) -> ParsedFeed:
    from newsletter.content.parse.jsonfeed import parse_json_feed
    from newsletter.content.parse.wordpress import is_post, parse_wordpress

    document = _load(raw)
    if isinstance(document, dict) and isinstance(document.get("items"), list):
        return parse_json_feed(document, location)
    entries = document if isinstance(document, list) else [document]
    posts = [entry for entry in entries if is_post(entry)]
    if posts:
        return parse_wordpress(posts, location)
    if isinstance(document, dict) and isinstance(document.get("message"), str) and "code" in document:
        raise InvalidInput(f"The site answered with an error: {document['message'][:200]}")
    raise InvalidInput("This JSON is neither a JSON Feed nor a list of WordPress posts.")


def _load(raw: bytes) -> Any:
    try:
        return json.loads(decode(raw))
    except (ValueError, RecursionError):
        raise InvalidInput("The JSON is damaged or breaks off; nothing was stored. Fetch it again.") from None
