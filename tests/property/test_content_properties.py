"""Properties of what is read out of other people's documents."""

from __future__ import annotations

import html
import re
from datetime import UTC, date, datetime, timedelta, timezone
from email.utils import format_datetime
from html.parser import HTMLParser

from hypothesis import example, given
from hypothesis import strategies as st

from newsletter.content.addresses import absolute_url, url_key
from newsletter.content.byline import parse_dateline
from newsletter.content.dates import parse_date
from newsletter.content.decide import stored_values
from newsletter.content.identity import KnownPosts, with_names
from newsletter.content.parse import parse
from newsletter.content.sanitise import sanitise
from newsletter.content.shortcodes import render_shortcodes
from newsletter.content.text import clean, one_line, plain_text, plain_title
from newsletter.content.values import ParsedPost
from newsletter.errors import InvalidInput

WORDS = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn")), max_size=60)
NAMES = st.from_regex(r"[A-Z][a-zé]{1,10}( [A-Z][a-z]{1,10}){0,2}", fullmatch=True)
DAYS = st.dates(min_value=date(1900, 1, 1), max_value=date(2199, 12, 31))
MOMENTS = st.integers(-2_177_000_000, 7_250_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MARKUP = st.lists(
    st.sampled_from(
        [
            "<p>", "</p>", "<a href=", "'javascript:x()'", '"https://example.com/a?b=1&c=2"', ">", "<", "/>", '"', "'",
            "<script>", "</script>", "x()", "<img src=x onerror=x()", " data-src='//example.com/i.png'", "<svg/onload=x()>",
            "<iframe src='https://example.com/v'>", "</iframe>", "<!--", "-->", "<![CDATA[", "]]>", "<style>", "</style>",
            " title='<iframe src=\"https://example.com\">'", "&lt;script&gt;", "&#58;", "<math><mi>", "<textarea>", "text",
            "<table><td>", "<noscript>", "</noscript>", "<img width=1 height=1 src='https://example.com/p'>", " style=x:y",
        ]
    )
    | st.text(max_size=6),
    max_size=14,
).map("".join)  # fmt: skip
POSTS = st.builds(
    ParsedPost,
    guid=st.none() | st.sampled_from(["a", "b", "https://example.com/?p=1"]),
    external_id=st.none() | st.sampled_from(["1", "2"]),
    url=st.none() | st.sampled_from(["https://example.com/1", "https://example.com/2#x", "http://example.com/1/"]),
    title=st.sampled_from(["", "One", "Two"]),
    html=st.sampled_from(["", "<p>First</p>", "<p>Second</p>"]),
    excerpt=st.just(""),
    published_at=st.none() | st.sampled_from([datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2)]),
)  # fmt: skip


class _Active(HTMLParser):
    """Collects whatever could run or fetch by itself."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in (
            "script",
            "style",
            "iframe",
            "object",
            "embed",
            "svg",
            "math",
            "form",
            "base",
            "meta",
            "link",
        ):
            self.found.append(tag)
        for name, value in attrs:
            address = re.sub(r"[\x00-\x20]", "", value or "").lower()
            if name.startswith("on") or name in ("style", "srcdoc", "formaction"):
                self.found.append(name)
            if name in ("href", "src", "cite") and re.match(
                r"(?!https?:|mailto:)[a-z][a-z0-9+.-]*:", address
            ):
                self.found.append(address)


@given(MARKUP)
@example("<a href='JaVaScRiPt&#58;x()'>y</a>")
@example("<p title='<iframe src=\"https://example.com/\">'>text</p>")
def test_nothing_active_survives_and_cleaning_twice_changes_nothing(markup: str) -> None:
    safe = sanitise(markup, "https://example.com/post")
    active = _Active()
    active.feed(safe)
    active.close()
    assert active.found == []
    assert sanitise(safe, "https://example.com/post") == safe


@given(WORDS)
def test_text_comes_back_from_html_whole(words: str) -> None:
    assert plain_text(f"<div><p>{html.escape(words)}</p></div>") == one_line(words)


@given(MARKUP)
def test_no_title_or_text_has_control_characters_or_line_breaks(markup: str) -> None:
    for line in (plain_title(markup), plain_text(markup)):
        assert line == one_line(line)
        assert not re.search(r"[\x00-\x1f\x7f-\x9f]", line)


@given(st.text())
def test_cleaning_is_done_in_one_go(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@given(
    NAMES, NAMES, DAYS, st.sampled_from([": ", " – ", ". "]), WORDS.filter(lambda text: text == text.strip())
)
def test_a_byline_gives_its_parts_and_keeps_the_sentence(
    who: str, place: str, day: date, between: str, sentence: str
) -> None:
    written = f"{who} Institute, {place}, {day:%B} {day.day} {day.year}{between}{sentence}"
    read = parse_dateline(written)
    assert read is not None
    assert (read.organisation, read.place, read.day) == (f"{who} Institute", place, day)
    assert sentence.lstrip(" :.–—-").endswith(read.sentence.lstrip(" :.–—-"))
    assert written.endswith(read.sentence)


@given(
    st.text(max_size=120)
    | st.from_regex(r"[A-Za-z, ]{0,30}, (March|Foo|May) \d{1,2},? \d{4}: .{0,10}", fullmatch=True)
)
def test_any_text_is_a_byline_or_not_and_never_an_error(text: str) -> None:
    read = parse_dateline(text)
    assert read is None or text.endswith(read.sentence)


@given(MOMENTS, ZONES)
def test_a_moment_is_read_in_every_form_it_is_written_in(moment: datetime, zone: timezone) -> None:
    local = moment.astimezone(zone)
    for written in (local.isoformat(), format_datetime(local), f"  {local.isoformat(sep='t').lower()} "):
        assert parse_date(written) == local


@given(DAYS)
def test_a_day_is_read_in_words_and_in_numbers(day: date) -> None:
    for written in (f"{day:%Y/%m/%d}", f"{day:%B} {day.day}, {day.year}", f"{day.day}th {day:%b} {day.year}"):
        read = parse_date(written)
        assert read is not None
        assert read.date() == day


@given(st.text(max_size=40) | st.from_regex(r"\d{1,4}[-/ ]\w{1,9}[-/ ]\d{1,4}(T\d\d:\d\d)?", fullmatch=True))
def test_any_text_is_a_date_or_none(text: str) -> None:
    read = parse_date(text)
    assert read is None or read.utcoffset() == timedelta(0)


@given(st.text(max_size=60), st.sampled_from(["", "https://example.com/a/"]))
def test_an_address_is_of_the_web_or_none(text: str, base: str) -> None:
    found = absolute_url(text, base)
    assert found is None or found.startswith(("http://", "https://")) or not base
    url_key(found)


@given(st.text(alphabet="[]/ =\"'abcaption_url-1\n<p>http:/.", max_size=80))
def test_shortcodes_end_and_brackets_of_prose_stay(text: str) -> None:
    render_shortcodes(text)
    assert "[sic]" in render_shortcodes("He wrote [sic] that " + text.replace("[", "").replace("]", ""))


@given(st.lists(POSTS, max_size=8))
def test_a_second_import_finds_everything_again(posts: list[ParsedPost]) -> None:
    entries = [stored_values(post, None, "").columns for post in with_names(posts)]
    stored: dict[int, dict[str, object]] = {}
    assert _created(entries, stored) == list(stored)
    before = dict(stored)
    assert _created(entries, stored) == []
    assert stored.keys() == before.keys()


def _created(entries: list[dict[str, object]], stored: dict[int, dict[str, object]]) -> list[int]:
    """Go through a document as an import does; return the numbers of new posts."""
    known: KnownPosts[dict[str, object]] = KnownPosts(1)
    for columns in stored.values():
        known.add(columns, 1, columns)
    known.reserve(entries)
    new = []
    for columns in entries:
        post, _ = known.find(columns)
        if post is None:
            post = dict(columns)
            stored[len(stored)] = post
            new.append(len(stored) - 1)
        known.meet(post, columns)
    return new


@given(
    st.binary(max_size=300)
    | MARKUP.map(lambda text: f"<rss><channel><item>{text}".encode("utf-8", "replace"))
)
def test_any_bytes_are_posts_or_one_plain_sentence(raw: bytes) -> None:
    why = ""
    try:
        parse(raw)
    except InvalidInput as error:
        why = str(error)
    assert len(why.splitlines()) <= 1
