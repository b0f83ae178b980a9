"""Any document of posts, by looking at it: RSS, Atom, JSON Feed, WordPress export or REST, an archive page."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from importlib import import_module
from typing import Any

from newsletter.content.parse.common import decode, unpack
from newsletter.content.values import ParsedFeed
from newsletter.errors import InvalidInput

FORMATS = ("auto", "rss", "atom", "json", "wxr", "wordpress", "archive")
_ROOT = re.compile(rb"<\s*(?:[\w-]+:)?(rss|feed|rdf|html|channel)\b", re.IGNORECASE)
_WXR = re.compile(rb"wordpress\.org/export/|<(?:\w+:)?wxr_version>", re.IGNORECASE)
_HEAD = 8192
Parser = Callable[[bytes, str], ParsedFeed]


def parse(raw: bytes, *, format: str = "auto", location: str = "") -> ParsedFeed:
    """Read a document into plain values. Pure; bounded in size, depth and count.

    :raises InvalidInput: with one sentence that says what is wrong with the document.
    """
    check_format(format)
    raw = unpack(raw)
    feed = _parser(sniff(raw))(raw, location)
    if format not in ("auto", feed.format):
        raise InvalidInput(
            f"This is {_NAMES[feed.format]}, not {_NAMES[format]}: leave --format away, or give another document."
        )
    return feed


_NAMES = {
    "rss": "an RSS feed",
    "atom": "an Atom feed",
    "json": "a JSON Feed",
    "wxr": "a WordPress export",
    "wordpress": "an answer of the WordPress REST API",
    "archive": "a web page",
}


def check_format(name: str) -> None:
    """Refuse a format we do not know.

    :raises InvalidInput: with the ones we do.
    """
    if name not in FORMATS:
        raise InvalidInput(f"Unknown format {name!r}: use one of {', '.join(FORMATS)}.")


def sniff(raw: bytes) -> str:
    """Return json, wxr, archive or feed, by content.

    :raises InvalidInput: when it is none of ours.
    """
    if raw.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        return "json"
    head = raw[:_HEAD].replace(b"\0", b"")
    if _WXR.search(head):
        return "wxr"
    root = _ROOT.search(head)
    if root is None:
        raise InvalidInput("This is neither a feed nor an export nor a page with posts.")
    return "archive" if root[1].lower() == b"html" else "feed"


def _parser(kind: str) -> Parser:
    """Return the parser of a kind, imported when needed: feedparser alone costs a tenth of a second."""
    if kind == "json":
        return _json
    parser: Parser = getattr(import_module(f"newsletter.content.parse.{kind}"), f"parse_{kind}")
    return parser


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
    raise InvalidInput(_why_no_posts(document))


def _why_no_posts(document: Any) -> str:
    if isinstance(document, dict) and "code" in document and isinstance(document.get("message"), str):
        return f"The site answered with an error: {document['message'][:200]}"
    if document == []:
        return "The list of posts is empty."
    return "This JSON is neither a JSON Feed nor a list of WordPress posts."


def _load(raw: bytes) -> Any:
    try:
        return json.loads(decode(raw))
    except (ValueError, RecursionError):
        raise InvalidInput("The JSON is damaged or breaks off; nothing was stored. Fetch it again.") from None
