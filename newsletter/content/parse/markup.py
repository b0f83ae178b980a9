"""What the XML formats share before a parser sees them: no entities of their own, no depth, no end missing."""

from __future__ import annotations

import html
import re
from html.entities import html5

from lxml import etree

from newsletter.content.parse.common import decode
from newsletter.errors import InvalidInput

_DECLARATION = re.compile(r"<\?xml\b[^<>]{0,300}\?>", re.IGNORECASE)
_ENTITY_DECLARATION = re.compile(r"<!ENTITY", re.IGNORECASE)
_DOCTYPE = re.compile(r"<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>", re.IGNORECASE | re.DOTALL)
_CLOSED = re.compile(rb"</\s*(?:[\w-]+:)?(?:rss|feed|rdf)\s*>", re.IGNORECASE)
_CDATA = re.compile(r"(<!\[CDATA\[.*?\]\]>)", re.DOTALL)
_NAMED = re.compile(r"&(?!(?:amp|lt|gt|quot|apos);)([A-Za-z][A-Za-z0-9]{1,31};)")
_BARE = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9A-Fa-f]{1,6});)")
MOST_DEPTH = 200
_PROLOGUE = 65536
_TAIL = 4096
ROOTS = ("rss", "feed", "rdf")


def guarded(raw: bytes) -> bytes:
    """Return XML as UTF-8 without declaration and doctype: whatever the encoding, the checks see what a parser sees.

    :raises InvalidInput: when the document declares entities; they can hide files and bombs.
    """
    text = _DECLARATION.sub("", decode(raw).lstrip("\ufeff \t\r\n\0"), count=1)
    if _ENTITY_DECLARATION.search(text, 0, _PROLOGUE):
        raise InvalidInput(
            "The document declares its own entities, which is refused: they can hide files and bombs."
        )
    doctype = _DOCTYPE.match(text, max(text[:_PROLOGUE].upper().find("<!DOCTYPE"), 0), 2 * _PROLOGUE)
    if doctype:
        text = text[: doctype.start()] + text[doctype.end() :]
    return text.encode("utf-8", "replace")


def is_complete(raw: bytes) -> bool:
    """Say whether the closing tag of a feed or export is there."""
    return _CLOSED.search(raw[-_TAIL:]) is not None


def check_shape(raw: bytes) -> None:
    """Refuse absurd depth and what was cut off.

    :raises InvalidInput: for either.
    """
    parser = etree.XMLPullParser(
        ("start", "end"), recover=True, resolve_entities=False, no_network=True, huge_tree=False
    )
    try:
        parser.feed(raw.lstrip())
        root = _walk(parser)
    except etree.XMLSyntaxError:
        return
    if root in ROOTS and not is_complete(raw):
        raise InvalidInput("The feed breaks off before its end; nothing was stored. Fetch it again.")


def _walk(parser: etree.XMLPullParser) -> str:
    """Return the name of the root; elements are forgotten as they end."""
    depth, root = 0, ""
    for event, element in parser.read_events():
        depth += 1 if event == "start" else -1
        root = root or local_name(element.tag).lower()
        if depth > MOST_DEPTH:
            raise InvalidInput("The feed is nested too deeply to be one.")
        if event == "end" and depth > 3:
            element.clear()
    return root


def local_name(tag: object) -> str:
    """Return a tag without its namespace or prefix; comments have no name."""
    return tag.rpartition("}")[2].rpartition(":")[2] if isinstance(tag, str) else ""


def mended(text: str) -> str:
    """Return XML whose HTML entities and bare ampersands are put right, outside CDATA."""
    parts = _CDATA.split(text)
    parts[::2] = [_BARE.sub("&amp;", _NAMED.sub(_character, part)) for part in parts[::2]]
    return "".join(parts)


def _character(match: re.Match[str]) -> str:
    known = html5.get(match[1])
    return html.escape(known) if known else match[0]
