"""What pages work out without a database: the galley, sending times, words per language, local addresses."""

from __future__ import annotations

from dataclasses import astuple, replace
from datetime import UTC, datetime

import pytest

from newsletter.errors import InvalidInput
from newsletter.issues.models import Publication
from newsletter.issues.snapshot import IssueSnapshot, SectionSnapshot
from newsletter.rendering.lint import CLIP_BYTES
from newsletter.rendering.pipeline import render_issue
from newsletter.web.routers.admin.proof import without_styles
from newsletter.web.routers.admin.sign_in import local_path
from newsletter.web.views.archive_words import ArchiveWords, archive_words
from newsletter.web.views.galley import Galley, draw_galley
from newsletter.web.views.plan import moment_of
from tests.support.snapshots import ITEM, snapshot

BASE = "https://letter.example"
BERLIN = Publication(slug="letter", time_zone="Europe/Berlin")


def issue(*texts: str, title: str = "News") -> IssueSnapshot:
    items = tuple(
        replace(ITEM, title=f"Story {number}", excerpt=text, item_id=number)
        for number, text in enumerate(texts, 1)
    )
    return replace(snapshot(), sections=(SectionSnapshot(title=title, items=items),))


def galley(made: IssueSnapshot) -> Galley:
    return draw_galley(made, render_issue(made, BASE).html)


@pytest.mark.parametrize("title", ["News", ""])
def test_the_galley_has_every_item_and_every_byte(title: str) -> None:
    drawn = galley(issue("short", "long " * 500, title=title))
    assert [part.anchor for part in drawn.parts if part.number] == ["i1", "i2"]
    assert sum(part.bytes for part in drawn.parts) == drawn.total == drawn.parts[-1].end
    first, second = (part for part in drawn.parts if part.number)
    assert second.bytes > first.bytes + 2000
    assert drawn.clip_y is None


def test_the_galley_shows_where_gmail_cuts() -> None:
    drawn = galley(issue("long " * 12_000, "long " * 12_000, "lost"))
    assert drawn.total > CLIP_BYTES
    assert drawn.clip_y is not None
    assert 0 < drawn.clip_y < drawn.height
    assert [part.is_cut for part in drawn.parts if part.number] == [False, True, True]


def test_a_mail_of_another_build_is_one_frame() -> None:
    drawn = draw_galley(issue("short"), "<html><body><p>Hello.</p></body></html>")
    assert [part.name for part in drawn.parts] == ["Frame"]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("", None),
        ("2026-12-24T09:00", datetime(2026, 12, 24, 8, tzinfo=UTC)),
        ("2026-07-01T09:00", datetime(2026, 7, 1, 7, tzinfo=UTC)),
        ("2026-03-29T02:30", datetime(2026, 3, 29, 1, tzinfo=UTC)),
        ("2026-07-01T09:00+05:00", datetime(2026, 7, 1, 4, tzinfo=UTC)),
    ],
)
def test_a_time_is_by_the_publications_clock(given: str, wanted: datetime | None) -> None:
    planned = moment_of(given, BERLIN)
    assert (planned.at if planned else None) == wanted


@pytest.mark.parametrize("given", ["soon", "2026-13-01T00:00", "0001-01-01T00:00"])
def test_what_is_no_time_is_refused(given: str) -> None:
    with pytest.raises(InvalidInput):
        moment_of(given, BERLIN)


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "fa", "ar"])
def test_every_language_has_every_word(language: str) -> None:
    words = astuple(archive_words(language))
    assert all(words)
    assert language == "en" or not set(words) & set(astuple(ArchiveWords()))


@pytest.mark.parametrize(
    ("language", "same_as"), [("fa-IR", "fa"), ("de_AT", "de"), ("tlh", "en"), ("", "en")]
)
def test_a_language_without_words_gets_the_nearest(language: str, same_as: str) -> None:
    assert archive_words(language) == archive_words(same_as)


def test_a_mail_without_styles_keeps_its_words() -> None:
    plain = without_styles(
        '<html><head><style>p{color:red}</style></head><body class="a" bgcolor="#fff"><p style="x">Hi</p></body></html>'
    )
    assert "<p>Hi</p>" in plain
    assert not {"style", "class", "bgcolor"} & set(plain.replace("<", " ").replace("=", " ").split())


@pytest.mark.parametrize(
    "address", ["//evil.example", "https://evil.example", "/\\evil.example", "/\n/x", ""]
)
def test_an_address_elsewhere_leads_to_the_desk(address: str) -> None:
    assert local_path(address) == "/admin/"


def test_an_address_here_is_kept() -> None:
    assert local_path("/admin/posts") == "/admin/posts"
