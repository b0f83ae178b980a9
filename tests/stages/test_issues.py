"""Issues: numbering, composing, undo, freezing, discarding, old issues, the tray."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.content.models import Author, Post, PostAuthor, Source
from newsletter.db.session import Sessions, unit_of_work
from newsletter.errors import Conflict, InvalidInput, NotFound
from newsletter.issues import composing, service
from newsletter.issues.assemble import shorten, source_changed
from newsletter.issues.models import Issue, IssueRevision, IssueSnapshotRow, Publication, PublicationSource
from newsletter.issues.snapshot import IssueSnapshot
from newsletter.issues.tray import numbers_of, tray, tray_count

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)


@pytest.fixture
def session(sessions: Sessions) -> Iterator[Session]:
    with unit_of_work(sessions) as session:
        yield session


@pytest.fixture
def letter(session: Session) -> Publication:
    return _publication(session)


def _publication(session: Session, slug: str = "letter") -> Publication:
    return service.create_publication(
        session, slug=slug, name="Harbour Letter", sender="Harbour <letter@example.com>"
    )


def _post(session: Session, number: int = 1, **values: object) -> Post:
    words = {
        "title": f"Story {number}",
        "url": f"https://example.com/{number}",
        "excerpt": f"What happened, part {number}.",
        "content_html": f"<p>All of {number}</p>",
        "published_at": NOW - timedelta(days=number),
        "content_hash": f"hash {number}",
    }
    post = Post(**(words | values))
    session.add(post)
    session.flush()
    return post


def test_an_issue_gets_number_title_subject_and_preheader(session: Session, letter: Publication) -> None:
    post = _post(session, excerpt="A boat came in. " * 20)
    issue = service.create_issue(session, letter, post_ids=[post.id])
    snapshot = service.take_snapshot(session, issue)
    assert (issue.number, issue.title, issue.subject) == (1, "Harbour Letter No. 1", "Harbour Letter No. 1")
    assert snapshot.preheader.startswith("A boat came in.")
    assert snapshot.preheader.endswith("…")
    assert len(snapshot.preheader) <= 130
    assert service.create_issue(session, letter).number == 2
    assert service.find_issue(session, "letter/1") is issue
    assert service.find_issue(session, str(issue.id)) is issue


@pytest.mark.parametrize(
    "ref",
    ["", "letter", "letter/", "letter/x", "x/1", "letter/999999999999999999999", "99", "-1", "letter/²"],
)
def test_a_ref_that_names_nothing_is_a_sentence(session: Session, letter: Publication, ref: str) -> None:
    with pytest.raises(NotFound):
        service.find_issue(session, ref)


@pytest.mark.parametrize("ids", [[1, 1], [99]])
def test_refuses_posts_named_twice_or_unknown(session: Session, letter: Publication, ids: list[int]) -> None:
    _post(session)
    with pytest.raises((InvalidInput, NotFound)):
        service.create_issue(session, letter, post_ids=ids)
    assert letter.next_number == 1


def test_a_discarded_number_is_free_again_only_if_it_is_the_highest(
    session: Session, letter: Publication
) -> None:
    one, two, three = (service.create_issue(session, letter) for _ in range(3))
    service.discard_issue(session, two)
    assert service.create_issue(session, letter).number == 4
    assert service.missing_numbers(session, letter.id) == [2]
    service.discard_issue(session, service.find_issue(session, "letter/4"))
    assert service.create_issue(session, letter).number == 4
    assert (one.number, three.number) == (1, 3)


def test_a_number_is_edited_while_draft_and_unique(session: Session, letter: Publication) -> None:
    one, two = service.create_issue(session, letter), service.create_issue(session, letter)
    with pytest.raises(Conflict, match="taken"):
        service.edit_issue(session, two, {"number": 1})
    service.edit_issue(session, two, {"number": "670"})
    service.edit_issue(session, two, {"number": 67})
    assert (one.number, two.number, letter.next_number) == (1, 67, 68)
    for wrong in (-1, 10**7, "x", None, True):
        with pytest.raises(InvalidInput):
            service.edit_issue(session, two, {"number": wrong})


def test_a_number_is_final_from_the_approval_on(session: Session, letter: Publication) -> None:
    issue = service.create_issue(session, letter)
    service.approve_issue(session, issue, actor="ana@example.com")
    with pytest.raises(Conflict, match="final"):
        service.edit_issue(session, issue, {"number": 5})
    service.edit_issue(session, issue, {"subject": "Other"})
    assert issue.state == "draft"
    with pytest.raises(Conflict, match="final"):
        service.edit_issue(session, issue, {"number": 5})
    with pytest.raises(Conflict, match="final"):
        service.discard_issue(session, issue)
    assert issue.number == 1


def test_many_at_once_get_consecutive_numbers(sessions: Sessions) -> None:
    with unit_of_work(sessions) as session:
        _publication(session)
    numbers: list[int | None] = []

    def create() -> None:
        for _ in range(5):
            with unit_of_work(sessions) as session:
                issue = service.create_issue(session, service.get_publication(session, "letter"))
                numbers.append(issue.number)

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers, key=lambda number: number or 0) == list(range(1, 41))


def test_an_approval_freezes_and_any_edit_drops_it(session: Session, letter: Publication) -> None:
    issue = service.create_issue(session, letter, post_ids=[_post(session).id])
    row = service.approve_issue(session, issue, actor="ana@example.com")
    assert issue.approved_hash == row.content_hash == service.take_snapshot(session, issue).content_hash()
    assert IssueSnapshot.from_document(row.document) == service.current_snapshot(session, issue)
    assert service.approve_issue(session, issue, actor="bob@example.com") is row
    composing.add_note(session, issue, text="One more thing")
    assert (issue.state, issue.approved_hash, issue.snapshot_id) == ("draft", None, None)
    composing.undo(session, issue)
    again = service.approve_issue(session, issue, actor="ana@example.com")
    assert again.id != row.id or again.content_hash == row.content_hash


def test_an_edit_that_changes_nothing_keeps_the_approval(session: Session, letter: Publication) -> None:
    issue = service.create_issue(session, letter)
    service.approve_issue(session, issue, actor="ana")
    service.edit_issue(session, issue, {"subject": issue.subject, "number": issue.number})
    assert issue.state == "approved"


def test_a_sent_issue_is_frozen(session: Session, letter: Publication) -> None:
    issue = service.create_issue(session, letter)
    row = service.approve_issue(session, issue, actor="ana")
    service.edit_issue(session, issue, {"title": "An edit between start and first message"})
    service.mark_sent(session, issue.id, NOW, snapshot_id=row.id)
    service.mark_sent(session, issue.id, NOW + timedelta(days=1))
    assert (issue.state, issue.published_at, issue.snapshot_id) == ("sent", NOW, row.id)
    for act in (
        lambda: service.edit_issue(session, issue, {"title": "x"}),
        lambda: composing.add_note(session, issue, text="x"),
        lambda: composing.undo(session, issue),
        lambda: service.discard_issue(session, issue),
        lambda: service.approve_issue(session, issue, actor="ana"),
    ):
        with pytest.raises(Conflict):
            act()


def test_two_editors_cannot_overwrite_each_other(sessions: Sessions) -> None:
    with unit_of_work(sessions) as session:
        service.create_issue(session, _publication(session))
    with unit_of_work(sessions) as session:
        issue = service.find_issue(session, "letter/1")
        service.edit_issue(session, issue, {"title": "First"}, expected_version=1)
        assert issue.version == 2
    with sessions() as session, pytest.raises(Conflict, match="meanwhile"):
        service.edit_issue(
            session, service.find_issue(session, "letter/1"), {"title": "Second"}, expected_version=1
        )


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "a\r\nBcc: x@example.com"},
        {"title": "a\x00"},
        {"preheader": "a\u2028b"},
        {"intro": "\ud800"},
        {"language": "no language"},
        {"subject": "x" * 501},
        {"state": "sent"},
        {"subject": 5},
    ],
)
def test_hostile_words_are_refused(session: Session, letter: Publication, changes: dict[str, object]) -> None:
    issue = service.create_issue(session, letter)
    with pytest.raises(InvalidInput):
        service.edit_issue(session, issue, changes)
    assert issue.version == 1


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "/relative", "file:///etc/passwd", "https://", "http://[::1", "x"]
)
def test_only_links_people_can_follow(session: Session, letter: Publication, url: str) -> None:
    issue = service.create_issue(session, letter)
    with pytest.raises(InvalidInput, match="https"):
        composing.add_link(session, issue, title="A link", url=url)


def _titles(issue: Issue) -> list[list[str]]:
    return [[item.title or item.placed["title"] for item in section.items] for section in issue.sections]


def test_composes_moves_and_undoes(session: Session, letter: Publication) -> None:
    posts = [_post(session, number) for number in (1, 2, 3)]
    issue = service.create_issue(session, letter, post_ids=[post.id for post in posts])
    second = composing.add_section(session, issue, title="Elsewhere")
    composing.add_link(session, issue, title="A link", url="https://example.org/", section_id=second.id)
    items = issue.sections[0].items
    composing.move_item(session, issue, items[2].id, position=0)
    assert _titles(issue) == [["Story 3", "Story 1", "Story 2"], ["A link"]]
    composing.move_item(session, issue, issue.sections[0].items[1].id, position=9, section_id=second.id)
    assert _titles(issue) == [["Story 3", "Story 2"], ["A link", "Story 1"]]
    composing.move_section(session, issue, second.id, position=0)
    assert _titles(issue) == [["A link", "Story 1"], ["Story 3", "Story 2"]]
    composing.remove_item(session, issue, issue.sections[0].items[0].id)
    composing.rename_section(session, issue, second.id, title="Here")
    composing.remove_section(session, issue, issue.sections[1].id)
    assert _titles(issue) == [["Story 1"]]
    undone = [composing.undo(session, issue) for _ in range(4)]
    assert undone[0] == "remove a section"
    assert _titles(issue) == [["Story 3", "Story 2"], ["A link", "Story 1"]]
    while session.scalars(select(IssueRevision)).first():
        composing.undo(session, issue)
    assert _titles(issue) == [["Story 1", "Story 2", "Story 3"]]
    with pytest.raises(Conflict, match="nothing to undo"):
        composing.undo(session, issue)


def test_undo_gives_a_number_back(session: Session, letter: Publication) -> None:
    issue = service.create_issue(session, letter)
    service.edit_issue(session, issue, {"number": 9})
    composing.undo(session, issue)
    assert (issue.number, letter.next_number) == (1, 2)


def test_own_words_win_and_the_posts_come_back(session: Session, letter: Publication) -> None:
    post = _post(session)
    issue = service.create_issue(session, letter, post_ids=[post.id], display="full")
    item = issue.sections[0].items[0]
    composing.edit_item(session, issue, item.id, {"title": "Ours", "read_more": "Go on"})
    frozen = service.take_snapshot(session, issue).items[0]
    assert (frozen.title, frozen.read_more, frozen.html) == ("Ours", "Go on", "<p>All of 1</p>")
    composing.edit_item(session, issue, item.id, {"title": None, "display": "title"})
    frozen = service.take_snapshot(session, issue).items[0]
    assert (frozen.title, frozen.html, frozen.excerpt) == ("Story 1", "", "")
    for wrong in ({"display": "huge"}, {"post_id": "2"}, {"url": "javascript:x"}):
        with pytest.raises(InvalidInput):
            composing.edit_item(session, issue, item.id, wrong)
    with pytest.raises(Conflict, match="already"):
        composing.add_post(session, issue, post)


def test_a_changed_source_shows_and_is_taken_over_or_not(session: Session, letter: Publication) -> None:
    post = _post(session)
    issue = service.create_issue(session, letter, post_ids=[post.id])
    item = issue.sections[0].items[0]
    before = service.take_snapshot(session, issue).content_hash()
    post.title, post.content_hash = "Story 1, corrected", "hash 1b"
    assert source_changed(item)
    assert service.take_snapshot(session, issue).content_hash() == before
    composing.keep_ours(session, issue, item.id)
    assert not source_changed(item)
    post.content_hash = "hash 1c"
    composing.take_over(session, issue, item.id)
    assert service.take_snapshot(session, issue).items[0].title == "Story 1, corrected"


def test_old_issues_are_archived_once_and_the_counter_moves_past_them(
    session: Session, letter: Publication
) -> None:
    taken = service.create_issue(session, letter)
    _post(session, 1, title="Letter No. 1", issue_number=1)
    _post(session, 2, title="Letter No. 67", issue_number=67)
    _post(session, 3, title="Letter No. 2000000000", issue_number=2_000_000_000)
    made = service.archive_imported_issues(session, letter)
    assert [(issue.number, issue.state) for issue in made] == [(67, "archived")]
    assert service.archive_imported_issues(session, letter) == []
    assert (taken.number, service.create_issue(session, letter).number) == (1, 68)
    assert service.take_snapshot(session, made[0]).items[0].html == "<p>All of 2</p>"


def test_old_issues_stay_with_the_publication_of_their_source(session: Session, letter: Publication) -> None:
    other = _publication(session, "other")
    source = Source(key="s", location="https://example.com/feed", format="rss")
    session.add(source)
    session.flush()
    session.add(PublicationSource(publication_id=letter.id, source_id=source.id))
    _post(session, 2, source_id=source.id, issue_number=5)
    session.add(PublicationSource(publication_id=other.id, source_id=_source(session).id))
    session.flush()
    assert service.archive_imported_issues(session, other) == []
    assert len(service.archive_imported_issues(session, letter)) == 1


def _source(session: Session) -> Source:
    source = Source(key="t", location="https://example.org/feed", format="rss")
    session.add(source)
    session.flush()
    return source


def test_the_tray_holds_what_is_in_no_issue(session: Session, letter: Publication) -> None:
    used, kept = _post(session, 1), _post(session, 2, title="100% rain_fall")
    _post(session, 3, status="gone")
    _post(session, 4, issue_number=4)
    author = Author(slug="ada", name="Ada Reed")
    session.add(author)
    session.flush()
    session.add(PostAuthor(post_id=kept.id, author_id=author.id))
    issue = service.create_issue(session, letter, post_ids=[used.id])
    assert tray(session, letter) == [kept]
    assert tray_count(session, letter) == 1
    assert tray(session, letter, search="ada 100%") == [kept]
    assert tray(session, letter, search="rain%fall") == []
    assert tray(session, letter, author_id=author.id) == [kept]
    assert tray(session, letter, author_id=99) == []
    assert tray(session, letter, since=NOW - timedelta(days=1, hours=1), include_used=True) == [used]
    assert numbers_of(session, [used.id, kept.id]) == {used.id: ["letter/1"]}
    service.discard_issue(session, issue)
    assert tray(session, letter) == [used, kept]
    assert service.create_issue(session, letter, unsent=True, limit=1).sections[0].items[0].post_id == used.id


def test_the_tray_of_a_publication_with_sources_holds_theirs(session: Session, letter: Publication) -> None:
    source = _source(session)
    session.add(PublicationSource(publication_id=letter.id, source_id=source.id))
    other = Source(key="o", location="o", format="rss")
    session.add(other)
    session.flush()
    ours, own, _theirs = (
        _post(session, 1, source_id=source.id), _post(session, 2), _post(session, 3, source_id=other.id),
    )  # fmt: skip
    assert tray(session, letter) == [ours, own]


@pytest.mark.parametrize(
    "values",
    [
        {"slug": "admin"},
        {"slug": "Big"},
        {"slug": "-x"},
        {"name": " "},
        {"name": "a\nb"},
        {"sender": "nobody"},
        {"sender": "A\r\nBcc: b <a@example.com>"},
        {"language": ""},
        {"language": "e n"},
        {"time_zone": "Mars/Base"},
        {"postal_address": "a\x00"},
        {"first_number": -1},
        {"reply_to": "x"},
    ],
)
def test_a_publication_that_does_not_fit_is_refused(session: Session, values: dict[str, object]) -> None:
    good: dict[str, object] = {"slug": "a", "name": "A", "sender": "A <a@example.com>"}
    with pytest.raises(InvalidInput):
        service.create_publication(session, **(good | values))  # type: ignore[arg-type]


def test_publications_are_found_by_slug(session: Session, letter: Publication) -> None:
    assert service.get_publication(session, "letter") is letter
    assert (letter.from_name, letter.from_address) == ("Harbour", "letter@example.com")
    with pytest.raises(NotFound, match="there is letter"):
        service.get_publication(session, "x")
    with pytest.raises(Conflict):
        _publication(session)


def test_only_a_bounded_history_is_kept(session: Session, letter: Publication) -> None:
    issue = service.create_issue(session, letter)
    for number in range(105):
        service.edit_issue(session, issue, {"title": f"Title {number}"})
    assert len(session.scalars(select(IssueRevision)).all()) == 100
    assert session.scalars(select(IssueSnapshotRow)).all() == []


def test_shortens_at_a_word() -> None:
    assert shorten("one two  three", 50) == "one two three"
    assert shorten("one two, three", 10) == "one two…"
    assert shorten("x" * 40, 10) == "x" * 9 + "…"
