"""The public archive: issues, authors and feeds; drafts stay inside."""

from __future__ import annotations

import json

import pytest
from lxml import etree

from newsletter.bootstrap import Container
from newsletter.db.session import unit_of_work
from newsletter.issues import service as issues
from newsletter.web.app import create_app
from tests.support.composed import HOSTILE, compose, publish
from tests.support.signed_in import TestClient

ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
def reader(container: Container) -> TestClient:
    """Somebody from outside; No. 1 is out, No. 2 is a draft, a hostile No. 3 is out."""
    with unit_of_work(container.sessions) as session:
        first = compose(session)
        issues.edit_issue(session, first, {"title": "Light at last", "preheader": "It burns again."})
        publication = publish(session, first)
        issues.create_issue(session, publication, title="Still a secret")
        last = issues.create_issue(session, publication, post_ids=[3], title=HOSTILE)
        publish(session, last)
    return TestClient(create_app(container), base_url="http://127.0.0.1:8025", follow_redirects=False)


def page(reader: TestClient, path: str) -> str:
    answer = reader.get(path)
    assert answer.status_code == 200, (answer.status_code, answer.text[-1000:])
    return str(answer.text)


def test_issues_are_listed_newest_first_without_drafts(reader: TestClient) -> None:
    listed = page(reader, "/letter/")
    assert listed.index("/letter/n/3") < listed.index("/letter/n/1")
    assert "Still a secret" not in listed
    assert reader.get("/letter/n/2").status_code == 404


def test_an_issue_names_its_neighbours_and_authors(reader: TestClient) -> None:
    shown = page(reader, "/letter/n/1")
    assert "Light at last" in shown
    assert "The lamp is lit" in shown
    assert 'href="/letter/n/3" rel="next"' in shown
    assert 'href="/letter/authors/ada-brandt"' in shown


@pytest.mark.parametrize(("short", "whole"), [("/n/1", "/letter/n/1"), ("/", "/letter/")])
def test_one_publication_needs_no_name(reader: TestClient, short: str, whole: str) -> None:
    assert reader.get(short).headers["location"] == whole


def test_several_publications_are_shown_to_choose_from(reader: TestClient, container: Container) -> None:
    with unit_of_work(container.sessions) as session:
        issues.create_publication(session, slug="second", name="Second", sender="S <s@example.com>")
    assert 'href="/second/"' in page(reader, "/")
    assert reader.get("/n/1").status_code == 404
    assert "No issue is out yet." in page(reader, "/second/")


def test_authors_have_a_page_of_their_posts(reader: TestClient) -> None:
    assert ">4</span>" in page(reader, "/letter/authors/")
    shown = page(reader, "/letter/authors/ada-brandt")
    assert "Keeps the lamp." in shown
    assert shown.index("The lamp is lit") < shown.index("Winter hours")
    assert 'Sent in <a href="/letter/n/1">No. 1</a>' in shown


def test_the_mail_itself_is_shown_in_a_sandbox(reader: TestClient) -> None:
    answer = reader.get("/letter/n/1/mail")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "The lamp is lit" in answer.text


def test_feeds_hold_what_is_out(reader: TestClient) -> None:
    atom = etree.fromstring(reader.get("/letter/feed.xml").content)
    links = [link.get("href") for link in atom.findall(f"{ATOM}entry/{ATOM}link")]
    assert links == ["http://127.0.0.1:8025/letter/n/3", "http://127.0.0.1:8025/letter/n/1"]
    items = json.loads(reader.get("/letter/feed.json").content)["items"]
    assert [item["title"] for item in items] == [f"No. 3: {HOSTILE}", "No. 1: Light at last"]


@pytest.mark.parametrize(
    "path", ["/letter/", "/letter/n/3", "/letter/authors/ada-brandt", "/letter/n/3/mail"]
)
def test_hostile_words_stay_words(reader: TestClient, path: str) -> None:
    shown = page(reader, path)
    assert "<script>alert" not in shown
    assert 'alt=""onload' not in shown


@pytest.mark.parametrize(
    "path",
    ["/nothing/", "/letter/n/99", f"/letter/n/{10**30}", "/letter/n/x", "/letter/authors/nobody", "/a/b/c",
     "/letter/?page=x", "/letter/authors/%00"],
)  # fmt: skip
def test_what_is_not_there_is_a_plain_page(reader: TestClient, path: str) -> None:
    answer = reader.get(path)
    assert answer.status_code in (404, 422)
    assert 'role="alert"' in answer.text


def test_a_page_far_beyond_the_end_is_empty(reader: TestClient) -> None:
    assert reader.get("/letter/?page=99999999999999999999").status_code == 200
    assert reader.get("/letter/authors/ada-brandt?page=-3").status_code == 200
