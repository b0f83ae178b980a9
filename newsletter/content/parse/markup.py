"""What the XML formats share before a parser sees them: no entities of their own, no depth, no end missing."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from html.entities import html5
from xml.parsers import expat

from newsletter.content.nesting import deepest
from newsletter.content.parse.common import decode
from newsletter.errors import InvalidInput

_DECLARATION = re.compile(r"<\?xml\b[^<>]{0,300}\?>", re.IGNORECASE)
_ENTITY_DECLARATION = re.compile(r"<!ENTITY", re.IGNORECASE)
_DOCTYPE = re.compile(r"<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>", re.IGNORECASE | re.DOTALL)
_ROOT = re.compile(rb"<\s*(?:[\w-]+:)?(?:rss|feed|rdf)\b", re.IGNORECASE)
_CLOSED = re.compile(rb"</\s*(?:[\w-]+:)?(?:rss|feed|rdf)\s*>", re.IGNORECASE)
_CDATA = re.compile(r"(<!\[CDATA\[.*?(?:\]\]>|\Z))", re.DOTALL)
_NAMESPACE = re.compile(r"xmlns:[\w.-]+\s*=\s*\"[^\"<>]*\"")
_ITEM = re.compile(r"<item>(?:(?!<item>).)*?</item>", re.DOTALL)
_NAMED = re.compile(r"&(?!(?:amp|lt|gt|quot|apos);)([A-Za-z][A-Za-z0-9]{1,31};)")
_BARE = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9A-Fa-f]{1,6});)")
MOST_DEPTH = 200
_PROLOGUE = 65536
_TAIL = 4096


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
    try:
        depth = _depth(raw)
    except expat.ExpatError:
        if _ROOT.search(raw[:_PROLOGUE]) and not is_complete(raw):
            raise InvalidInput(
                "The feed breaks off before its end; nothing was stored. Fetch it again."
            ) from None
        depth = deepest(_CDATA.sub("", raw.decode()))
    if depth > MOST_DEPTH:
        raise InvalidInput("The feed is nested too deeply to be one.")


def _depth(raw: bytes) -> int:
    """Return how deep well-formed XML is nested; nothing is built."""
    depth = most = 0

    def start(_name: str, _attributes: object) -> None:
        nonlocal depth, most
        depth += 1
        most = max(most, depth)

    def end(_name: str) -> None:
        nonlocal depth
        depth -= 1

    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.Parse(raw, True)
    return most


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


def pieces(text: str) -> Iterator[str]:
    """Yield a damaged feed in documents of their own, each item and what stands before them: damage stays where it is."""
    before = text.partition("<item>")[0]
    names = " ".join(dict.fromkeys(_NAMESPACE.findall(before[:_PROLOGUE])))
    yield f"{before}</channel></rss>"
    for item in _ITEM.findall(text):
        yield f"<rss {names}><channel>{item}</channel></rss>"
