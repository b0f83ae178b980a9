"""Every format, each with a small document of its own."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime

import pytest

from newsletter.content.parse import parse
from newsletter.content.values import ParsedPost
from newsletter.errors import InvalidInput

RSS = """<?xml version="1.0"?>
<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:content="http://purl.org/rss/1.0/modules/content/"
     xmlns:media="http://search.yahoo.com/mrss/"><channel><title>Harbour Notes</title><link>https://example.com/</link>
<language>en</language>
<item><title>Tides &amp;amp; H&lt;sub&gt;2&lt;/sub&gt;O</title><link>https://example.com/tides</link>
  <guid isPermaLink="false">https://example.com/?p=9</guid><pubDate>Tue, 03 Mar 2026 10:00:00 +0100</pubDate>
  <dc:creator>Ada Lind</dc:creator><description>Short.</description><category>Sea</category>
  <content:encoded><![CDATA[<p>Long <b>text</b>.</p>]]></content:encoded>
  <media:content medium="image" url="/tide.jpg" width="800" height="400"/></item>
<item><description>A note without a title, long enough to be cut after its first ten words here.</description>
  <guid>https://example.com/notes/2</guid></item>
<item><guid isPermaLink="false">nothing-else</guid></item>
</channel></rss>"""

ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="sv"><title>Anteckningar</title><id>tag:example.com,2026:1</id>
<link rel="self" href="https://example.com/atom.xml"/><link href="https://example.com/"/>
<entry><title type="html">Ett &lt;em&gt;brev&lt;/em&gt;</title><id>tag:example.com,2026:2</id><link href="brev"/>
<updated>2026-02-01T08:00:00Z</updated><author><name>Bo Ek</name></author><author><name>Norra Institute</name></author>
<content type="html">&lt;p&gt;Hej&lt;/p&gt;</content></entry></feed>"""

RDF = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="https://example.com/"><title>Old</title></channel>
<item rdf:about="https://example.com/r"><title>30 m<sup>2</sup></title><link>https://example.com/r</link>
<dc:date>2026-01-02</dc:date></item></rdf:RDF>"""

WXR = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:excerpt="http://wordpress.org/export/1.2/excerpt/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:wp="https://wordpress.org/export/1.2/"><channel>
<title>Harbour</title><link>https://example.com</link><language>en-GB</language>
<wp:author><wp:author_login>ada</wp:author_login><wp:author_email>ada@example.com</wp:author_email>
 <wp:author_display_name><![CDATA[Ada Lind]]></wp:author_display_name></wp:author>
<item><title>Newsletter No. 7</title><link>/letters/7</link><guid>https://example.com/?p=7</guid><dc:creator>ada</dc:creator>
 <content:encoded><![CDATA[First.

[caption width="20"]Second.[/caption]]]></content:encoded><excerpt:encoded><![CDATA[Brief.]]></excerpt:encoded>
 <wp:post_id>7</wp:post_id><wp:post_date_gmt>2026-01-05 09:30:00</wp:post_date_gmt><wp:status>publish</wp:status>
 <wp:post_type>post</wp:post_type><category domain="category" nicename="sea">Sea</category>
 <wp:postmeta><wp:meta_key>_edit_last</wp:meta_key><wp:meta_value>1</wp:meta_value></wp:postmeta>
 <wp:postmeta><wp:meta_key>_thumbnail_id</wp:meta_key><wp:meta_value>8</wp:meta_value></wp:postmeta></item>
<item><title>p</title><wp:post_id>8</wp:post_id><wp:post_type>attachment</wp:post_type><wp:status>inherit</wp:status>
 <wp:attachment_url>https://example.com/pier.jpg</wp:attachment_url>
 <wp:postmeta><wp:meta_key>_wp_attachment_image_alt</wp:meta_key><wp:meta_value>A pier</wp:meta_value></wp:postmeta></item>
<item><title>Draft</title><wp:post_type>post</wp:post_type><wp:status>draft</wp:status></item>
<item><title>Secret</title><wp:post_type>post</wp:post_type><wp:status>publish</wp:status>
 <wp:post_password>x</wp:post_password></item>
<item><title>Both</title><link>/both</link><dc:creator>ada</dc:creator><wp:post_type>post</wp:post_type>
 <wp:status>publish</wp:status><category domain="author" nicename="cap-ada">Ada Lind</category>
 <category domain="author" nicename="cap-bo">Bo Ek</category></item></channel></rss>"""

REST_POST = {
    "id": 12,
    "date_gmt": "2026-03-01T10:00:00",
    "modified_gmt": "2026-03-02T10:00:00",
    "guid": {"rendered": "https://example.com/blog/?p=12"},
    "link": "https://example.com/blog/pier",
    "status": "publish",
    "type": "post",
    "title": {"rendered": "Pier &#8211; rebuilt"},
    "content": {"rendered": "<p>Done.</p>", "protected": False},
    "excerpt": {"rendered": "<p>Done. [&hellip;]</p>"},
    "_embedded": {
        "author": [{"name": "Ada Lind", "slug": "ada", "link": "https://example.com/blog/author/ada"}],
        "wp:featuredmedia": [
            {
                "source_url": "https://example.com/p.jpg",
                "alt_text": "Pier",
                "media_details": {"width": 9, "height": 5},
            }
        ],
        "wp:term": [[{"taxonomy": "category", "name": "Sea"}], [{"taxonomy": "nav", "name": "x"}]],
    },
}

ARCHIVE = """<!DOCTYPE html><html lang="en"><head><title>Ada Lind</title><base href="https://example.com/"></head><body>
<article><h2><a href="/pier">The pier</a></h2><p class="meta">Posted on: 2026/03/04 by <a rel="author">Ada Lind</a></p>
<p>The pier is open again after a winter of repairs, and people walk on it.</p><a href="/pier">Read more</a></article>
<article><h2>Second</h2><p>Posted on: February 30 2026</p><a href="/second">Read more</a></article></body></html>"""


def posts(document: str, **options: str) -> tuple[ParsedPost, ...]:
    return parse(document.encode(), **options).posts


def test_rss() -> None:
    tides, note = posts(RSS)
    assert (tides.title, tides.url) == ("Tides & H2O", "https://example.com/tides")
    assert (tides.guid, tides.external_id) == ("https://example.com/?p=9", "9")
    assert tides.published_at == datetime(2026, 3, 3, 9, tzinfo=UTC)
    assert [author.name for author in tides.authors] == ["Ada Lind"]
    assert (tides.html, tides.excerpt, tides.categories) == ("<p>Long <b>text</b>.</p>", "Short.", ("Sea",))
    assert tides.picture is not None
    assert (tides.picture.url, tides.picture.width) == ("https://example.com/tide.jpg", 800)
    assert (note.title, note.url) == ("", "https://example.com/notes/2")


def test_an_entry_that_says_nothing_is_left_out_and_told() -> None:
    assert [(one.why, one.ref) for one in parse(RSS.encode()).skipped] == [
        ("empty: no title, link or text", "nothing-else")
    ]


def test_atom() -> None:
    feed = parse(ATOM.encode())
    (letter,) = feed.posts
    assert (feed.format, feed.key, letter.title) == ("atom", "https://example.com/atom.xml", "Ett brev")
    assert letter.url == "https://example.com/brev"
    assert [author.name for author in letter.authors] == ["Bo Ek", "Norra Institute"]
    assert letter.language == "sv"


def test_relative_links_know_their_base() -> None:
    based = ATOM.replace("<content ", '<content xml:base="https://example.org/deep/" ')
    assert parse(based.encode()).posts[0].base == "https://example.org/deep/"
    assert parse(ATOM.encode()).posts[0].base == ""


def test_rdf() -> None:
    (room,) = posts(RDF)
    assert (room.title, room.url) == ("30 m2", "https://example.com/r")
    assert room.published_at == datetime(2026, 1, 2, tzinfo=UTC)


def test_json_feed() -> None:
    document = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "Notes",
        "home_page_url": "https://example.com/",
        "authors": [{"name": "Ada Lind", "url": "javascript:x()"}],
        "items": [
            {
                "id": 1,
                "url": "/one",
                "content_text": "a < b\n\nc",
                "date_published": "2026-01-01T00:00:00+02:00",
            },
            {"id": "https://example.com/two", "title": "Two", "author": {"name": "Bo Ek"}, "tags": ["x", 3]},
            "nonsense",
        ],
    }
    one, two = posts(json.dumps(document))
    assert (one.guid, one.url, one.html) == ("1", "https://example.com/one", "<p>a &lt; b</p><p>c</p>")
    assert one.published_at == datetime(2025, 12, 31, 22, tzinfo=UTC)
    assert (one.authors[0].name, one.authors[0].url) == ("Ada Lind", None)
    assert (two.url, two.authors[0].name, two.categories) == ("https://example.com/two", "Bo Ek", ("x",))


def test_wordpress_export() -> None:
    feed = parse(WXR.encode())
    letter, both = feed.posts
    assert (letter.title, letter.url) == ("Newsletter No. 7", "https://example.com/letters/7")
    assert (letter.guid, letter.external_id) == ("https://example.com/?p=7", "7")
    assert (letter.authors[0].name, letter.authors[0].email) == ("Ada Lind", "ada@example.com")
    assert letter.html == "<p>First.</p><p>Second.</p>"
    assert letter.original is not None
    assert "[caption" in letter.original
    assert letter.picture is not None
    assert (letter.picture.url, letter.picture.alt) == ("https://example.com/pier.jpg", "A pier")
    assert [author.name for author in both.authors] == ["Ada Lind", "Bo Ek"]
    assert sorted((one.why, one.ref) for one in feed.skipped) == [
        ("has a password", "1 entries"),
        ("status draft", "1 entries"),
        ("type attachment", "1 entries"),
    ]


def test_a_damaged_but_whole_export_is_mended() -> None:
    damaged = WXR.replace("Newsletter No. 7", "Fish &mdash; chips & peas")
    assert posts(damaged)[0].title == "Fish — chips & peas"
    lost = parse(WXR.replace("<title>Draft</title>", "<title>Draft</titel>").encode())
    assert [post.title for post in lost.posts] == ["Newsletter No. 7", "Both"]
    assert ("damaged in the file", "1 entries") in [(one.why, one.ref) for one in lost.skipped]


def test_wordpress_rest() -> None:
    hidden = [
        REST_POST | {"status": "draft"},
        REST_POST | {"type": "page"},
        REST_POST | {"content": {"protected": True}},
    ]
    feed = parse(json.dumps([REST_POST, *hidden]).encode())
    (pier,) = feed.posts
    assert (feed.format, feed.key) == ("wordpress", "wordpress:example.com/blog")
    assert (pier.title, pier.external_id, pier.categories) == ("Pier – rebuilt", "12", ("Sea",))
    assert pier.published_at == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert (pier.authors[0].key, pier.authors[0].name) == ("ada", "Ada Lind")
    assert pier.picture is not None
    assert (pier.picture.alt, pier.picture.width) == ("Pier", 9)
    assert [one.why for one in feed.skipped] == ["status draft", "type page", "has a password"]


def test_one_authors_posts_are_a_source_of_their_own() -> None:
    asked = "https://example.com/wp-json/wp/v2/posts?author=7&per_page=100"
    assert (
        parse(json.dumps([REST_POST]).encode(), location=asked).key == "wordpress:example.com/blog?author=7"
    )


def test_archive_page() -> None:
    pier, second = posts(ARCHIVE)
    assert (pier.title, pier.url) == ("The pier", "https://example.com/pier")
    assert pier.published_at == datetime(2026, 3, 4, tzinfo=UTC)
    assert pier.authors[0].name == "Ada Lind"
    assert pier.excerpt.startswith("The pier is open again")
    assert (second.url, second.published_at) == ("https://example.com/second", None)


def test_gzip_and_odd_encodings() -> None:
    assert parse(gzip.compress(RSS.encode())).posts[0].title == "Tides & H2O"
    assert parse(ATOM.replace("Ett", "Två").encode("utf-16")).posts[0].title == "Två brev"


REFUSED = {
    "nothing": (b"", "empty"),
    "blank": (b" \n ", "empty"),
    "binary": (bytes(range(256)), "neither a feed"),
    "page without posts": (b"<!DOCTYPE html><html><body><h1>404</h1></body></html>", "No posts"),
    "entities": (b'<!DOCTYPE r [<!ENTITY a "b">]><rss><channel></channel></rss>', "entities"),
    "cut feed": (RSS[:900].encode(), "breaks off"),
    "cut export": (WXR[:1800].encode(), "damaged"),
    "cut JSON": (b'{"items": [{"id": 1', "damaged"),
    "other JSON": (b'{"a": 1}', "neither a JSON Feed"),
    "deep JSON": (b"[" * 100_000, "damaged"),
    "deep XML": (b"<rss><channel>" + b"<a>" * 300 + b"</a>" * 300 + b"</channel></rss>", "nested too deeply"),
    "deep page": (b"<html><body>" + b"<div>" * 300, "too large to look for posts"),
    "deep and damaged": (
        b"<rss><channel><item>" + b"<a " * 5000 + b"</item></channel></rss>",
        "nested too deeply",
    ),
    "an error": (b'{"code": "rest_forbidden", "message": "Not for you."}', "Not for you."),
    "cut gzip": (b"\x1f\x8b\x08\x00" + b"nonsense" * 9, "packed with gzip, but"),
    "a bomb": (b"".join(gzip.compress(bytes(8 * 2**20)) for _ in range(4)), "more than 20 MB"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_one_plain_sentence(name: str) -> None:
    raw, reason = REFUSED[name]
    with pytest.raises(InvalidInput, match=reason) as refusal:
        parse(raw)
    assert len(str(refusal.value).splitlines()) == 1


def test_a_wrong_format_is_said() -> None:
    with pytest.raises(InvalidInput, match="This is an RSS feed, not a JSON Feed"):
        parse(RSS.encode(), format="json")
    with pytest.raises(InvalidInput, match="Unknown format 'word'"):
        parse(RSS.encode(), format="word")
