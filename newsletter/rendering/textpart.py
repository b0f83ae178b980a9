"""The text part, written from the snapshot (not by stripping HTML): headings, links, never empty, lines of at most 72."""

from __future__ import annotations

import html
import re
import textwrap
from collections.abc import Callable

from lxml import etree
from lxml import html as lxml_html

from newsletter.issues.snapshot import IssueSnapshot, ItemSnapshot
from newsletter.rendering.compose import view_online_url
from newsletter.rendering.fields import TokenBook
from newsletter.rendering.links import LinkBook
from newsletter.rendering.words import long_date, words_for

WIDTH = 72
#: What stands in the text for a link: its target, or the word that counts it. Takes target and words.
Placed = Callable[[str, str], str]
_LINK = re.compile(r"\[([^\]\n]{1,500})\]\((https?://[^)\s]{1,2000})\)")
_MARKS = re.compile(r"(\*\*|__|(?<!\w)[*_](?=\w)|(?<=\w)[*_](?!\w)|^#{1,6} )", re.MULTILINE)
_BLOCK_TAGS = {
    "p",
    "div",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "blockquote",
    "figure",
    "figcaption",
    "tr",
    "pre",
    "table",
    "ul",
    "ol",
}


def compose_text(snapshot: IssueSnapshot, book: TokenBook, links: LinkBook, base_url: str) -> str:
    """Return the text part with tokens; lines end with LF."""
    words, publication, token = words_for(snapshot.language), snapshot.publication, book.token("token")
    number = words.number.format(number=snapshot.number) if snapshot.number is not None else snapshot.label
    blocks = [
        f"{publication.name}, {number}" if number else publication.name,
        underlined(snapshot.title, "~") if snapshot.title else "",
        f"{words.view_online}: {view_online_url(snapshot, base_url)}",
        prose(book.place(snapshot.intro), links.in_text("intro")),
    ]
    for section in snapshot.sections:
        blocks.append("\n" + underlined(section.title, "-") if section.title else "")
        blocks += [_item(item, snapshot, links) for item in section.items]
    blocks += [
        prose(book.place(snapshot.outro), links.in_text("outro")),
        "-- ",
        wrapped(words.why.format(email=book.token("email"), publication=publication.name)),
        f"{words.unsubscribe}: {base_url}/u/{token}\n{words.preferences}: {base_url}/p/{token}",
        publication.postal_address.strip(),
    ]
    return "\n\n".join(block for block in blocks if block.strip()) + "\n"


def underlined(title: str, mark: str) -> str:
    """Return a heading with a line of marks below it."""
    return f"{title}\n{mark * min(max(len(title), 3), WIDTH)}"


def wrapped(text: str) -> str:
    """Return a paragraph wrapped at 72, addresses whole."""
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def prose(markdown: str, placed: Placed) -> str:
    """Return an editor's Markdown as people write plain mail: links behind their words, emphasis without marks."""
    linked = _LINK.sub(lambda link: f"{link[1]} ({placed(link[2], link[1])})", markdown.replace("\r\n", "\n"))
    plain = _MARKS.sub("", linked)
    return "\n\n".join(wrapped(" ".join(block.split())) for block in plain.split("\n\n") if block.strip())


def _item(item: ItemSnapshot, snapshot: IssueSnapshot, links: LinkBook) -> str:
    placed = links.in_text("item", item.item_id)
    byline = (
        words_for(snapshot.language).by.format(name=item.byline)
        if item.byline and snapshot.publication.shows_bylines
        else ""
    )
    date = long_date(item.published_at, snapshot.language)
    body = prose(item.excerpt, placed) if item.kind == "note" else wrapped(item.excerpt)
    if item.display == "full" and item.html:
        body = article_text(item.html, placed)
    parts = (
        f"* {item.title}" if item.title else "",
        ", ".join(part for part in (byline, date) if part),
        body,
        placed(item.url, item.title) if item.url else "",
    )
    return "\n".join(part for part in parts if part)


def article_text(markup: str, placed: Placed) -> str:
    """Return sanitised article HTML as text: blocks apart, list items with dashes, links behind their words."""
    try:
        root = lxml_html.fragment_fromstring(markup, create_parent="div")
    except (etree.ParserError, ValueError):
        return html.unescape(re.sub(r"<[^<>]*>", " ", markup))
    pieces: list[str] = []
    _walk(root, pieces, placed)
    blocks = [" ".join(block.split()) for block in "".join(pieces).split("\n")]
    return "\n\n".join(wrapped(block) for block in blocks if block)


def _walk(element: etree._Element, pieces: list[str], placed: Placed) -> None:
    tag = element.tag if isinstance(element.tag, str) else ""
    block = tag in _BLOCK_TAGS
    pieces.append("\n- " if tag == "li" else "\n" if block or tag == "br" else "")
    if tag == "img" and element.get("alt"):
        pieces.append(f"[{element.get('alt')}]")
    pieces.append(" ".join((element.text or "").splitlines()) if tag else "")
    for child in element:
        _walk(child, pieces, placed)
        pieces.append(" ".join((child.tail or "").splitlines()))
    href = element.get("href")
    if tag == "a" and href and href.startswith(("http", "mailto")) and href not in "".join(pieces[-3:]):
        pieces.append(f" ({placed(href, ''.join(element.itertext()))})")
    pieces.append("\n" if block else "")
