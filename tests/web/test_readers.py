"""The pages behind the links in a mail: opening changes nothing, a press does, and everything can be taken back."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from newsletter.audience.models import Subscription
from newsletter.bootstrap import Container
from newsletter.db.session import unit_of_work
from newsletter.web.app import create_app
from tests.support.ledger import sent_to
from tests.support.signed_in import TestClient


@pytest.fixture
def token(container: Container) -> str:
    """The token of a mail that went to Ada."""
    with unit_of_work(container.sessions) as session:
        (delivery,) = sent_to(session, "ada@example.com")
        return container.keyring.recipient.sign(delivery.id)


@pytest.fixture
def visitor(container: Container) -> TestClient:
    return TestClient(create_app(container), base_url="http://127.0.0.1:8025")


def state(parts: Container) -> str:
    with parts.reading_sessions() as session:
        return session.scalars(select(Subscription.state)).one()


def test_opening_the_link_changes_nothing(visitor: TestClient, token: str, container: Container) -> None:
    for path in (f"/u/{token}", f"/p/{token}"):
        answer = visitor.get(path)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
    assert "ada@example.com" not in visitor.get(f"/u/{token}").text  # the mail may have been passed on
    assert state(container) == "confirmed"


def test_leaving_saying_why_and_coming_back(visitor: TestClient, token: str, container: Container) -> None:
    assert "You have left" in visitor.post(f"/u/{token}").text
    assert state(container) == "unsubscribed"
    assert "Noted" in visitor.post(f"/u/{token}/reason", data={"reason": "Too many mails"}).text
    assert visitor.post(f"/u/{token}/undo").status_code == 200
    assert state(container) == "confirmed"


def test_leaving_twice_is_leaving(visitor: TestClient, token: str, container: Container) -> None:
    for _ in range(2):
        assert visitor.post(f"/u/{token}", data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert state(container) == "unsubscribed"


@pytest.mark.parametrize("path", ["/u/{}", "/u/{}/undo", "/u/{}/reason", "/p/{}", "/confirm/{}"])
@pytest.mark.parametrize("given", ["x", "a" * 5000, "%00", "..%2f..%2fetc%2fpasswd", "é" * 40])
def test_a_link_that_is_not_ours_is_a_page(visitor: TestClient, path: str, given: str) -> None:
    for answer in (visitor.post(path.format(given)), visitor.get(path.format(given))):
        assert answer.status_code in (404, 405, 422)
        assert "Traceback" not in answer.text


def test_preferences_can_be_saved(visitor: TestClient, token: str, container: Container) -> None:
    assert visitor.post(f"/p/{token}", data={"name": "Ada <b>Brandt</b>"}).status_code == 200
    page = visitor.get(f"/p/{token}").text
    assert "Ada &lt;b&gt;Brandt" in page
    assert state(container) == "unsubscribed"  # no list was ticked


def test_the_subscribe_form_answers_bad_addresses_with_a_sentence(visitor: TestClient, token: str) -> None:
    assert token
    page = visitor.get("/subscribe/readers")
    assert page.status_code == 200
    for address in ("", "no address", "a@b@c.example", "ada@example.com\r\nBcc: x@example.net"):
        answer = visitor.post("/subscribe/readers", data={"email": address, "stamp": "forged"})
        assert answer.status_code in (400, 403, 422)
        assert "Traceback" not in answer.text
    assert visitor.get("/subscribe/nobody").status_code == 404
