"""Small RSS feeds, made as a test needs them."""

from __future__ import annotations

from newsletter.content.values import Document


def item(
    title: str = "The pier", *, guid: str = "g1", link: str = "https://example.com/pier", **more: str
) -> str:
    words = more.get("text", "&lt;p&gt;It is open.&lt;/p&gt;")
    author = f"<dc:creator>{more['author']}</dc:creator>" if "author" in more else ""
    named = f'<guid isPermaLink="false">{guid}</guid>' if guid else ""
    return (
        f"<item><title>{title}</title><link>{link}</link>{named}{author}<description>{words}</description>"
        f"<pubDate>{more.get('date', 'Tue, 03 Feb 2026 10:00:00 GMT')}</pubDate></item>"
    )


def feed(*items: str, link: str = "https://example.com/") -> Document:
    raw = (
        '<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>Harbour</title>'
        f"<link>{link}</link>{''.join(items)}</channel></rss>"
    )
    return Document(raw=raw.encode(), location="feed.xml")
