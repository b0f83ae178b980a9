"""Snapshot and theme to HTML with tokens where each reader's values go."""

from __future__ import annotations

from functools import cache
from typing import Any

import nh3
from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markdown_it import MarkdownIt

from newsletter.assets import asset
from newsletter.issues.measuring import Counting
from newsletter.issues.snapshot import IssueSnapshot, ItemSnapshot
from newsletter.rendering.article import mail_html
from newsletter.rendering.fields import TokenBook
from newsletter.rendering.links import LinkBook
from newsletter.rendering.words import long_date, words_for

FALLBACK_THEME = "digest"
_NBSP = "\u00a0"


@cache
def environment() -> ImmutableSandboxedEnvironment:
    """Return the sandbox for themes: autoescape, strict, no globals, plain data only (S1)."""
    made = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(asset("templates") / "email"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    made.globals.clear()
    return made


@cache
def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False, "linkify": False, "typographer": False}).enable(
        "strikethrough"
    )


def markdown_html(text: str) -> str:
    """Return an editor's Markdown as safe HTML: no raw HTML, http(s) and mailto links only."""
    return nh3.clean(_markdown().render(text), url_schemes={"http", "https", "mailto"}, link_rel=None)


def theme_of(snapshot: IssueSnapshot) -> str:
    """Return the theme's folder, the workhorse when the publication names one we do not have."""
    name = snapshot.publication.theme
    known = name.isidentifier() and (asset("templates") / "email" / name / "message.html").is_file()
    return name if known else FALLBACK_THEME


def view_online_url(snapshot: IssueSnapshot, base_url: str) -> str:
    """Return the issue's public address."""
    slug, number = snapshot.publication.slug, snapshot.number
    return f"{base_url}/{slug}/n/{number}" if number is not None else f"{base_url}/{slug}"


def compose_html(snapshot: IssueSnapshot, book: TokenBook, links: LinkBook, base_url: str) -> str:
    """Return the whole HTML document, not inlined yet."""
    template = environment().get_template(f"{theme_of(snapshot)}/message.html")
    return template.render(**_context(snapshot, book, links, base_url))


def _context(snapshot: IssueSnapshot, book: TokenBook, links: LinkBook, base_url: str) -> dict[str, Any]:
    words = words_for(snapshot.language)
    token = book.token("token")
    rtl = snapshot.direction == "rtl"
    publication = snapshot.publication
    return {
        "lang": snapshot.language,
        "dir": snapshot.direction,
        "rtl": rtl,
        "start": "right" if rtl else "left",
        "end": "left" if rtl else "right",
        "accent": publication.accent,
        "words": words,
        "publication": publication.name,
        "site_url": f"{base_url}/{publication.slug}",
        "number": words.number.format(number=snapshot.number)
        if snapshot.number is not None
        else snapshot.label,
        "title": snapshot.title,
        "preheader": book.place(snapshot.preheader),
        "intro": links.place_all(_block(snapshot.intro, book), "intro"),
        "outro": links.place_all(_block(snapshot.outro, book), "outro"),
        "sections": [
            {"title": section.title, "items": [_item(item, snapshot, links) for item in section.items]}
            for section in snapshot.sections
        ],
        "view_online_url": view_online_url(snapshot, base_url),
        "trap": links.trap(view_online_url(snapshot, base_url)),
        "open_picture": f"mergepicture{book.suffix}z" if publication.open_counting != Counting.OFF else "",
        "unsubscribe_url": f"{base_url}/u/{token}",
        "preferences_url": f"{base_url}/p/{token}",
        "why": words.why.format(email=book.token("email"), publication=publication.name),
        "postal_address": " · ".join(
            line.strip() for line in publication.postal_address.splitlines() if line.strip()
        ),
    }


def _block(markdown: str, book: TokenBook) -> str:
    return markdown_html(book.place(markdown)).replace("<p>", '<p class="p">') if markdown.strip() else ""


def _item(item: ItemSnapshot, snapshot: IssueSnapshot, links: LinkBook) -> dict[str, Any]:
    words = words_for(snapshot.language)
    byline = item.byline if snapshot.publication.shows_bylines else ""
    language = item.language or snapshot.language
    full = mail_html(item.html, item.direction) if item.display == "full" else ""
    note = markdown_html(item.excerpt).replace("<p>", '<p class="ex">') if item.kind == "note" else ""
    return {
        "kind": item.kind,
        "title": _keep_last_words_together(item.title),
        "url": links.place(item.url, "item", item.item_id, item.title) if item.url else None,
        "dir": item.direction,
        "lang": item.language,
        "html": links.place_all(full, "item", item.item_id),
        "note": links.place_all(note, "item", item.item_id),
        "excerpt": item.excerpt if item.kind != "note" and not (item.display == "full" and item.html) else "",
        "byline": words.by.format(name=byline) if byline else "",
        "date": long_date(item.published_at, language if item.language else snapshot.language),
        "image": _image(item),
        "read_more": item.read_more or words.read.format(title=item.title),
    }


def _image(item: ItemSnapshot) -> dict[str, Any] | None:
    if not item.image_url or item.display == "title":
        return None
    width, height = item.image_width, item.image_height
    ratio = height / width if width and height else None
    return {
        "url": item.image_url,
        "alt": item.image_alt,
        "height": round(536 * ratio) if ratio else None,
        "thumb_height": round(112 * ratio) if ratio else None,
    }


def _keep_last_words_together(title: str) -> str:
    words = title.split(" ")
    return _NBSP.join([" ".join(words[:-1]), words[-1]]) if len(words) > 3 and len(words[-1]) < 14 else title
