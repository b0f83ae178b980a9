"""The desk by its forms: composing, two editors at once, who may, and what does not fit."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import func, select

from newsletter.bootstrap import Container
from newsletter.content.models import Post
from newsletter.db.session import unit_of_work
from newsletter.issues.models import Issue, Item
from newsletter.schema import metadata
from tests.support.composed import HOSTILE, compose
from tests.support.signed_in import Browser

DESK = "/admin/issues/1"
PAGES = ("/admin/", DESK, f"{DESK}?tray=lamp", f"{DESK}/checks", f"{DESK}/proof", f"{DESK}/source", "/admin/posts",
         "/admin/posts?show=all&q=lamp", "/admin/publications", "/admin/publications/letter")  # fmt: skip
CHANGES = ("words", "undo", "discard", "posts", "notes", "links", "items/1", "items/1/move", "items/1/remove", "sections",
           "sections/1", "sections/1/move", "sections/1/remove", "test", "review", "approve", "send")  # fmt: skip


@pytest.fixture
def editor(container: Container) -> Browser:
    """An editor with a draft on the desk."""
    with unit_of_work(container.sessions) as session:
        compose(session)
    return Browser(container, "editor")


def titles(browser: Browser) -> list[str]:
    return re.findall(r'<div class="body"><h3 dir="auto">(.*?)</h3>', browser.page(DESK))


def counts(parts: Container) -> dict[str, int]:
    with parts.reading_sessions() as session:
        tables = metadata.sorted_tables
        return {t.name: session.scalar(select(func.count()).select_from(t)) or 0 for t in tables}


@pytest.mark.parametrize("path", PAGES)
def test_every_page_opens_and_changes_nothing(editor: Browser, container: Container, path: str) -> None:
    before = counts(container)
    editor.page(path)
    assert counts(container) == before


def test_a_post_is_put_in_moved_and_taken_out(editor: Browser) -> None:
    editor.send(f"{DESK}/posts", post="4")
    assert titles(editor) == ["The lamp is lit", "A rope is spliced", "Winter hours"]
    editor.send(f"{DESK}/items/3/move", section="1", position="0")
    assert titles(editor)[0] == "Winter hours"
    editor.send(f"{DESK}/items/1/remove")
    assert titles(editor) == ["Winter hours", "A rope is spliced"]
    assert editor.send(f"{DESK}/undo").status_code == 303
    assert "The lamp is lit" in titles(editor)


def test_own_words_lie_over_the_imported_ones(editor: Browser, container: Container) -> None:
    editor.send(f"{DESK}/items/1", title="Light at last", blurb="Mine", display="title")
    assert titles(editor)[0] == "Light at last"
    editor.send(f"{DESK}/items/1", title="", blurb="")
    assert titles(editor)[0] == "The lamp is lit"
    with container.reading_sessions() as session:
        assert session.get_one(Item, 1).display == "title"


def test_a_change_at_the_source_is_shown_and_taken_over(editor: Browser, container: Container) -> None:
    with unit_of_work(container.sessions) as session:
        post = session.scalars(select(Post).where(Post.title == "The lamp is lit")).one()
        post.title, post.content_hash = "The lamp is out", "another"
    page = editor.page(DESK)
    assert "Changed at the source" in page
    assert '<ins dir="auto">The lamp is out</ins>' in page
    editor.send(f"{DESK}/items/1/take-over")
    assert titles(editor)[0] == "The lamp is out"
    assert "Changed at the source" not in editor.page(DESK)


def test_sections_are_made_named_moved_and_removed(editor: Browser) -> None:
    editor.send(f"{DESK}/sections", title="On the shore")
    editor.send(f"{DESK}/sections/2", title="On the quay")
    editor.send(f"{DESK}/sections/2/move", position="0")
    found = re.findall(r'<h2 id="sh\d+" dir="auto">(.*?)</h2>', editor.page(DESK))
    assert found[0] == "On the quay"
    editor.send(f"{DESK}/sections/2/remove")
    assert "On the quay" not in editor.page(DESK)


def test_of_two_editors_the_second_is_told_and_nothing_is_lost(editor: Browser, container: Container) -> None:
    with container.reading_sessions() as session:
        version = session.get_one(Issue, 1).version
    first = editor.send(f"{DESK}/words", subject="What the first wrote", version=str(version))
    second = editor.send(f"{DESK}/words", subject="What the second wrote", version=str(version))
    assert (first.status_code, second.status_code) == (303, 409)
    assert "What the first wrote" in second.text
    assert "What the second wrote" in second.text
    assert "What the second wrote" not in editor.page(DESK)
    over = re.search(r'name="over" value="(\d+)"', second.text)
    assert over is not None
    editor.send(f"{DESK}/words", subject="What the second wrote", over=over[1])
    assert "What the second wrote" in editor.page(DESK)


def test_an_autosave_that_was_too_late_shows_both(editor: Browser) -> None:
    late = editor.client.post(
        f"{DESK}/words",
        data={"form_token": editor.form_token, "subject": HOSTILE, "version": "0"},
        headers={"HX-Request": "true"},
    )
    assert late.status_code == 409
    assert "Keep mine" in late.text
    assert "<script>" not in late.text


def test_autosave_answers_with_the_part_that_says_so(editor: Browser) -> None:
    saved = editor.client.post(
        f"{DESK}/words",
        data={"form_token": editor.form_token, "subject": "Typed"},
        headers={"HX-Request": "true"},
    )
    assert saved.status_code == 200
    assert 'id="saved"' in saved.text


@pytest.mark.parametrize("change", CHANGES)
def test_a_viewer_reads_and_changes_nothing(container: Container, change: str) -> None:
    with unit_of_work(container.sessions) as session:
        compose(session)
    viewer = Browser(container, "viewer")
    before = counts(container)
    answer = viewer.send(f"{DESK}/{change}", title="x", subject="x", post="4", to="a@example.com")
    assert answer.status_code == 403
    assert "needs the role editor" in answer.text
    assert counts(container) == before
    assert "Take out" not in viewer.page(DESK)


@pytest.mark.parametrize("change", CHANGES)
def test_a_form_without_its_token_is_refused(editor: Browser, change: str) -> None:
    answer = editor.client.post(f"{DESK}/{change}", data={"title": "x"})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("posts", {"post": "999"}),
        ("posts", {"post": "9" * 40}),
        ("items/999", {"title": "x"}),
        ("items/1", {"display": "sideways"}),
        ("items/1/move", {"section": "999", "position": "0"}),
        ("items/1/burn", {}),
        ("links", {"title": "x", "url": "javascript:alert(1)"}),
        ("notes", {"text": ""}),
        ("sections/999", {"title": "x"}),
        ("words", {"subject": "x\r\nBcc: y@example.com"}),
        ("test", {"to": "nobody"}),
        ("send", {"list": "readers"}),
    ],
)
def test_what_does_not_fit_is_one_plain_sentence(editor: Browser, path: str, fields: dict[str, str]) -> None:
    answer = editor.send(f"{DESK}/{path}", **fields)
    assert 400 <= answer.status_code < 500
    assert 'role="alert"' in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    "path", [DESK, f"{DESK}?tray={HOSTILE}", "/admin/posts", "/admin/posts?q=" + HOSTILE]
)
def test_hostile_words_stay_words(editor: Browser, path: str) -> None:
    editor.send(f"{DESK}/posts", post="3")
    editor.send(f"{DESK}/words", title=HOSTILE, intro=HOSTILE)
    page = editor.page(path)
    assert "<script>alert" not in page
    assert " 49 " not in page


@pytest.mark.parametrize("mode", ["html", "text", "noimages", "dark", "plain"])
def test_the_proof_is_the_mail_in_a_sandbox(editor: Browser, mode: str) -> None:
    answer = editor.get(f"{DESK}/proof?mode={mode}")
    assert answer.status_code == 200
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "script-src" not in answer.headers["content-security-policy"]
    assert "The lamp is lit" in answer.text


def test_a_proof_of_no_kind_or_for_nobody_is_refused(editor: Browser) -> None:
    assert editor.get(f"{DESK}/proof?mode=smoke").status_code == 422
    assert editor.get(f"{DESK}/proof?reader=stranger@example.com").status_code in (404, 422)


def test_a_draft_is_discarded_and_its_posts_wait_again(editor: Browser) -> None:
    assert editor.send(f"{DESK}/discard").headers["location"] == "/admin/"
    assert editor.get(DESK).status_code == 404
    assert "The lamp is lit" in editor.page("/admin/posts")


@pytest.mark.parametrize("path", ["/admin/issues/999", f"/admin/issues/{2**80}", "/admin/issues/x"])
def test_what_is_not_there_is_a_plain_page(editor: Browser, path: str) -> None:
    answer = editor.get(path)
    assert answer.status_code in (404, 422)
    assert 'role="alert"' in answer.text
