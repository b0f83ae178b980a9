"""What a followed link answers: the target from the database, a 404 for everything else, and nothing that waits."""

from __future__ import annotations

import string
import time

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from newsletter.bootstrap import Container
from newsletter.db.session import unit_of_work
from newsletter.delivery.control.link_models import Link
from newsletter.delivery.models import Campaign
from newsletter.feedback.engagement.models import Hit
from newsletter.web.routers.public.following import PICTURE
from tests.support.counted import HandClock, SentIssue, made_links, send_counted
from tests.support.ledger import sent_to
from tests.support.signed_in import TestClient


@pytest.fixture
def sent(parts: Container) -> SentIssue:
    return send_counted(parts, "ada@example.com", "bo@example.com")


def hits(parts: Container) -> int:
    assert parts.clicks.buffer.flush()
    with parts.reading_sessions() as session:
        return session.scalar(select(func.count()).select_from(Hit)) or 0


def test_a_link_leads_on_and_says_nothing_about_the_reader(
    visitor: TestClient, sent: SentIssue, parts: Container
) -> None:
    answer = visitor.get(sent.path(1))
    assert answer.status_code == 302
    assert answer.headers["location"] == "https://harbour.example/2"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
    assert answer.content == b""
    assert hits(parts) == 1


def test_head_leads_on_too(visitor: TestClient, sent: SentIssue) -> None:
    assert visitor.head(sent.path()).headers["location"] == "https://harbour.example/1"
    assert visitor.post(sent.path()).status_code == 405


def test_every_changed_letter_is_a_404(visitor: TestClient, sent: SentIssue, parts: Container) -> None:
    good = sent.path()
    for place, letter in enumerate(good):
        if place < len("/c/") or letter == "/":
            continue
        for other in {chr(ord(letter) ^ 1), letter.upper(), "a", "7", "-"} - {letter}:
            changed = good[:place] + other + good[place + 1 :]
            assert visitor.get(changed).status_code == 404, changed
    for longer in (good + "a", good[:-1], good + "/", good + "%0d%0aX: y", good.replace("/c/", "/c//")):
        assert visitor.get(longer).status_code in (404, 307), longer
    assert hits(parts) == 0


@pytest.mark.parametrize(
    "query", ["?url=https://evil.example", "?target=//evil.example", "?https://evil.example"]
)
def test_nothing_in_the_request_says_where_it_leads(visitor: TestClient, sent: SentIssue, query: str) -> None:
    answer = visitor.get(
        sent.path() + query, headers={"host": "evil.example", "x-forwarded-host": "evil.example"}
    )
    assert answer.headers["location"] == "https://harbour.example/1"


@pytest.mark.parametrize(
    "target",
    ["javascript:alert(1)", "//evil.example", "https://a.example/\r\nSet-Cookie: a=b", "data:text/html,x"],
)
def test_a_bad_target_in_the_database_leads_nowhere(
    visitor: TestClient, sent: SentIssue, parts: Container, target: str
) -> None:
    with unit_of_work(parts.sessions) as session:
        session.scalars(select(Link).where(Link.key == sent.keys[0])).one().target = target
    assert visitor.get(sent.path()).status_code == 404
    assert visitor.get(sent.path(1)).status_code == 302


def test_a_token_of_another_issue_opens_nothing(
    visitor: TestClient, sent: SentIssue, parts: Container
) -> None:
    with unit_of_work(parts.sessions) as session:
        first = session.get_one(Campaign, sent.campaign_id)
        first.first_row, first.last_row = 0, sent.deliveries[-1]
        (other,) = sent_to(session, "cy@example.com")
        session.flush()
        campaign = session.get_one(Campaign, other.campaign_id)
        campaign.first_row, campaign.last_row = sent.deliveries[-1], other.id
        issue = first.issue
        stranger = type(issue)(publication_id=issue.publication_id, state="sent", title="Another")
        session.add(stranger)
        session.flush()
        campaign.issue_id = stranger.id
        session.add_all(made_links(parts, stranger.id, 1))
        token = parts.keyring.recipient.sign(other.id)
    assert visitor.get(f"/c/{sent.keys[0]}/{token}").status_code == 404
    assert visitor.get(sent.path()).status_code == 302
    assert hits(parts) == 1


def test_tokens_of_other_purposes_open_nothing(
    visitor: TestClient, sent: SentIssue, parts: Container
) -> None:
    ring = parts.keyring
    for signer in (ring.return_path, ring.confirm, ring.preferences, ring.message_id):
        token = signer.sign(sent.deliveries[0])
        assert visitor.get(f"/c/{sent.keys[0]}/{token}").status_code == 404
        assert visitor.get(f"/o/{token}").status_code == 404


def test_a_sample_mail_leads_on_and_is_not_counted(
    visitor: TestClient, sent: SentIssue, parts: Container
) -> None:
    assert visitor.get(f"/c/{sent.keys[0]}/sample").headers["location"] == "https://harbour.example/1"
    assert visitor.get("/o/sample").content == PICTURE
    assert visitor.get(f"/c/{'a' * 26}/sample").status_code == 404
    assert hits(parts) == 0


def test_a_campaign_that_began_since_is_found(
    visitor: TestClient, sent: SentIssue, parts: Container, clock: HandClock
) -> None:
    with unit_of_work(parts.sessions) as session:
        first = session.get_one(Campaign, sent.campaign_id)
        first.last_row = sent.deliveries[-1]
    assert visitor.get(sent.path()).status_code == 302
    with unit_of_work(parts.sessions) as session:
        (late,) = sent_to(session, "dee@example.com")
        token = parts.keyring.recipient.sign(late.id)
    clock.move(1.5)
    assert visitor.get(f"/c/{sent.keys[0]}/{token}").status_code == 302


def test_a_repaired_target_holds_within_five_seconds(
    visitor: TestClient, sent: SentIssue, parts: Container, clock: HandClock
) -> None:
    assert visitor.get(sent.path()).headers["location"] == "https://harbour.example/1"
    with unit_of_work(parts.sessions) as session:
        session.scalars(
            select(Link).where(Link.key == sent.keys[0])
        ).one().target = "https://harbour.example/new"
    clock.move(5.1)
    assert visitor.get(sent.path()).headers["location"] == "https://harbour.example/new"


def test_a_database_that_is_away_stops_nobody_on_a_link_that_is_known(
    visitor: TestClient, sent: SentIssue, parts: Container, clock: HandClock
) -> None:
    assert visitor.get(sent.path()).status_code == 302

    def away() -> None:
        raise OperationalError("SELECT", {}, Exception("away"))

    parts.clicks.book.sessions = away  # type: ignore[assignment]
    clock.move(60)
    assert visitor.get(sent.path()).headers["location"] == "https://harbour.example/1"


def test_a_locked_database_does_not_make_anybody_wait(
    visitor: TestClient, sent: SentIssue, parts: Container
) -> None:
    visitor.get(sent.path())
    with parts.sessions() as session:
        session.execute(select(Link.id))  # holds SQLite's one writer
        began = time.monotonic()
        for _ in range(50):
            assert visitor.get(sent.path(2)).status_code == 302
        assert time.monotonic() - began < 5
    assert hits(parts) == 2


def test_targets_in_other_scripts_become_ascii(
    visitor: TestClient, sent: SentIssue, parts: Container
) -> None:
    with unit_of_work(parts.sessions) as session:
        link = session.scalars(select(Link).where(Link.key == sent.keys[0])).one()
        link.target = "https://bücher.example:8443/ä/%C3%A4?q=é&x=1#ü"
    assert visitor.get(sent.path()).headers["location"] == (
        "https://xn--bcher-kva.example:8443/%C3%A4/%C3%A4?q=%C3%A9&x=1#%C3%BC"
    )


def test_the_picture_is_the_same_to_everybody(visitor: TestClient, sent: SentIssue) -> None:
    answer = visitor.get(f"/o/{sent.tokens[0]}")
    assert (answer.status_code, answer.content) == (200, PICTURE)
    assert answer.headers["content-type"] == "image/gif"
    assert visitor.head(f"/o/{sent.tokens[0]}").content == b""
    assert visitor.get(f"/o/{sent.tokens[0][:-1]}").status_code == 404
    assert set(sent.tokens[0]) <= set(string.ascii_lowercase + string.digits)
