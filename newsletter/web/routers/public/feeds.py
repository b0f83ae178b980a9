"""The archive as feeds: Atom (RFC 4287) and JSON Feed 1.1."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from lxml import etree

from newsletter.issues.models import Publication
from newsletter.web.queries.archive import PublishedIssue

_ATOM = "http://www.w3.org/2005/Atom"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def atom(publication: Publication, entries: Sequence[PublishedIssue], base_url: str) -> bytes:
    """Return the newest issues as an Atom document."""
    home = f"{base_url}/{publication.slug}/"
    feed = etree.Element(f"{{{_ATOM}}}feed", nsmap={None: _ATOM})
    _add(feed, "id", home)
    _add(feed, "title", publication.name)
    _add(feed, "updated", _latest(entries).isoformat())
    _link(feed, home, "alternate")
    _link(feed, f"{home}feed.xml", "self")
    _add(etree.SubElement(feed, f"{{{_ATOM}}}author"), "name", publication.name)
    for entry in entries:
        _atom_entry(feed, entry, f"{home}n/{entry.number}")
    return bytes(etree.tostring(feed, xml_declaration=True, encoding="utf-8"))


def _atom_entry(feed: etree._Element, entry: PublishedIssue, address: str) -> None:
    element = etree.SubElement(feed, f"{{{_ATOM}}}entry")
    _add(element, "id", address)
    _add(element, "title", f"No. {entry.number}: {entry.title}")
    _add(element, "updated", (entry.published_at or _EPOCH).isoformat())
    _add(element, "summary", entry.standfirst)
    _link(element, address, "alternate")


def _add(parent: etree._Element, name: str, text: str) -> None:
    # XML has no place for most control characters, whatever a title says.
    allowed = "".join(letter for letter in text if letter.isprintable() or letter in "\n\t ")
    etree.SubElement(parent, f"{{{_ATOM}}}{name}").text = allowed


def _link(parent: etree._Element, address: str, relation: str) -> None:
    etree.SubElement(parent, f"{{{_ATOM}}}link", href=address, rel=relation)


def _latest(entries: Sequence[PublishedIssue]) -> datetime:
    return max((entry.published_at for entry in entries if entry.published_at), default=_EPOCH)


def json_feed(publication: Publication, entries: Sequence[PublishedIssue], base_url: str) -> bytes:
    """Return the newest issues as a JSON Feed document."""
    home = f"{base_url}/{publication.slug}/"
    document = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": publication.name,
        "home_page_url": home,
        "feed_url": f"{home}feed.json",
        "language": publication.language,
        "items": [_json_item(entry, f"{home}n/{entry.number}") for entry in entries],
    }
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")


def _json_item(entry: PublishedIssue, address: str) -> dict[str, str]:
    item = {
        "id": address,
        "url": address,
        "title": f"No. {entry.number}: {entry.title}",
        "content_text": entry.standfirst,
    }
    if entry.published_at:
        item["date_published"] = entry.published_at.isoformat()
    return item
