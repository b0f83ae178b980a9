"""Storing what was gathered: nothing twice, nothing half, never over an editor's words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select, text

from newsletter.content.models import Author, ImportedAuthor, Post, Source
from newsletter.content.service import edit_post, find_post, find_posts, import_document
from newsletter.content.values import Document, ImportReport
from newsletter.db.session import Sessions, unit_of_work
from newsletter.errors import InvalidInput, NotFound
from tests.support.feeds import feed, item

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LATER = datetime(2026, 3, 2, tzinfo=UTC)


def take(sessions: Sessions, document: Document, now: datetime = NOW) -> ImportReport:
    with unit_of_work(sessions) as session:
        return import_document(session, document, now=now)


def counts(report: ImportReport) -> tuple[int, int, int, int]:
    return report.created, report.updated, report.unchanged, len(report.skipped)


def only_post(sessions: Sessions) -> Post:
    with sessions() as session:
        (post,) = find_posts(session)
        return post


def test_a_post_is_stored_with_original_and_safe_html(sessions: Sessions) -> None:
    markup = "&lt;p onclick='x()'&gt;Harbour Watch, Visby, January 14 2026: It is open.&lt;/p&gt;"
    take(sessions, feed(item(text=markup, author="Harbour Watch")))
    post = only_post(sessions)
    assert post.content_html == "<p>Harbour Watch, Visby, January 14 2026: It is open.</p>"
    with sessions() as session:
        assert "onclick" in session.scalars(select(Post.raw_html)).one()
        assert b"onclick" not in session.scalars(text("SELECT raw_html FROM posts")).one()
    assert post.dateline == {
        "organisation": "Harbour Watch",
        "person": "",
        "place": "Visby",
        "day": "2026-01-14",
    }
    assert [(author.name, author.kind) for author in post.authors] == [("Harbour Watch", "organisation")]


def test_a_second_import_changes_nothing(sessions: Sessions) -> None:
    document = feed(item(), item("Second", guid="g2", link="https://example.com/2"))
    assert counts(take(sessions, document)) == (2, 0, 0, 0)
    assert counts(take(sessions, document, LATER)) == (0, 0, 2, 0)
    with sessions() as session:
        assert set(session.scalars(select(Post.updated_at))) == {NOW}


def test_a_change_at_the_source_is_followed(sessions: Sessions) -> None:
    take(sessions, feed(item(author="Ada Lind")))
    assert counts(take(sessions, feed(item("The new pier", author="Bo Ek")), LATER)) == (0, 1, 0, 0)
    post = only_post(sessions)
    assert (post.title, post.source_changed_at, post.byline) == ("The new pier", LATER, "Bo Ek")
    assert [author.name for author in post.authors] == ["Bo Ek"]


def test_an_editors_words_stay_and_the_difference_is_kept(sessions: Sessions) -> None:
    take(sessions, feed(item()))
    with unit_of_work(sessions) as session:
        edit_post(find_posts(session)[0], {"title": "Our pier", "content_html": "<p>Ours<script>x"}, now=NOW)
    assert counts(take(sessions, feed(item("The new pier")), LATER)) == (0, 1, 0, 0)
    post = only_post(sessions)
    assert (post.title, post.content_html) == ("Our pier", "<p>Ours</p>")
    assert post.source_values["title"] == "The new pier"
    assert counts(take(sessions, feed(item("The new pier")), LATER)) == (0, 0, 1, 0)


def test_what_a_post_has_not_cannot_be_edited(sessions: Sessions) -> None:
    with pytest.raises(InvalidInput, match="'guid'"):
        edit_post(Post(), {"guid": "x"}, now=NOW)
    with sessions() as session, pytest.raises(NotFound, match="no post 9"):
        find_post(session, 9)


def test_a_post_is_recognised_when_its_guid_changed(sessions: Sessions) -> None:
    take(sessions, feed(item(guid="old")))
    assert counts(take(sessions, feed(item(guid="new")))) == (0, 0, 1, 0)
    assert only_post(sessions).guid == "new"
    assert counts(take(sessions, feed(item("Renamed", guid="new")))) == (0, 1, 0, 0)


def test_posts_alike_with_guids_of_their_own_are_two(sessions: Sessions) -> None:
    document = feed(item(guid="a"), item(guid="b"))
    assert counts(take(sessions, document)) == (2, 0, 0, 0)
    assert counts(take(sessions, document)) == (0, 0, 2, 0)


def test_the_same_guid_twice_is_one(sessions: Sessions) -> None:
    report = take(sessions, feed(item(), item()))
    assert counts(report) == (1, 0, 0, 1)
    assert report.skipped[0].why == "twice in this document"


def test_notes_without_title_or_guid_stay_apart(sessions: Sessions) -> None:
    notes = [item("", guid="", text=f"Note number {number}") for number in (1, 2)]
    assert counts(take(sessions, feed(*notes))) == (2, 0, 0, 0)
    assert counts(take(sessions, feed(*notes))) == (0, 0, 2, 0)
    with sessions() as session:
        assert {post.title for post in find_posts(session)} == {"Note number 1", "Note number 2"}


def test_another_source_of_the_same_post_leaves_it_alone(sessions: Sessions) -> None:
    take(sessions, feed(item(guid="a")))
    other = feed(item(guid="z", text="Other words"), link="https://example.org/planet")
    assert counts(take(sessions, other)) == (0, 0, 1, 0)
    assert "It is open" in only_post(sessions).content_html


def test_an_author_is_one_person_across_sources(sessions: Sessions) -> None:
    take(sessions, feed(item(author="Ada Lind")))
    take(
        sessions,
        feed(
            item("B", guid="b", link="https://example.org/b", author="Ada Lind"), link="https://example.org/"
        ),
    )
    with sessions() as session:
        assert session.scalars(select(Author.slug)).all() == ["ada-lind"]
        assert session.scalar(select(func.count()).select_from(ImportedAuthor)) == 2


def test_authors_whose_names_make_the_same_slug(sessions: Sessions) -> None:
    take(sessions, feed(item(author="Ada Lind"), item("B", guid="b", link="/b", author="ada lind!")))
    with sessions() as session:
        assert sorted(session.scalars(select(Author.slug))) == ["ada-lind", "ada-lind-2"]


def test_a_damaged_document_stores_nothing(sessions: Sessions) -> None:
    whole = feed(item()).raw
    with pytest.raises(InvalidInput, match="breaks off"):
        take(sessions, Document(raw=whole[:-30], location="feed.xml"))
    with sessions() as session:
        assert session.scalars(select(Source)).all() == []
