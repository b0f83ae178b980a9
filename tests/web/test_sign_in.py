"""The door: passwords, one-time links, guessing, forged forms, and what every answer carries."""

from __future__ import annotations

from dataclasses import replace

import pytest

from newsletter.accounts import service as accounts
from newsletter.bootstrap import Container
from newsletter.db.session import unit_of_work
from newsletter.web.app import create_app
from tests.support.composed import compose
from tests.support.signed_in import Browser, TestClient

EMAIL, PASSWORD = "ada@example.com", "a long enough password"


@pytest.fixture
def door(container: Container) -> TestClient:
    """A browser in front of the door, and Ada with her password."""
    with unit_of_work(container.sessions) as session:
        accounts.create_user(session, email=EMAIL, role="admin", password=PASSWORD)
    return TestClient(create_app(container), base_url="http://127.0.0.1:8025", follow_redirects=False)


def enter(door: TestClient, password: str = PASSWORD, **more: str) -> int:
    answer = door.post("/sign-in", data={"email": EMAIL, "password": password, **more})
    return int(answer.status_code)


def test_nobody_is_sent_to_the_door_and_back(door: TestClient) -> None:
    sent = door.get("/admin/posts")
    assert sent.headers["location"] == "/sign-in?next=/admin/posts"
    assert 'value="/admin/posts"' in door.get(sent.headers["location"]).text
    answer = door.post(
        "/sign-in", data={"email": EMAIL.upper(), "password": PASSWORD, "next": "/admin/posts"}
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/admin/posts")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert door.get("/admin/").status_code == 200


@pytest.mark.parametrize("address", ["//evil.example", "https://evil.example", "/\\evil.example", "", "x"])
def test_the_door_opens_to_no_other_site(door: TestClient, address: str) -> None:
    answer = door.post("/sign-in", data={"email": EMAIL, "password": PASSWORD, "next": address})
    assert answer.headers["location"] == "/admin/"


def test_guessing_ends_and_says_why(door: TestClient) -> None:
    assert [enter(door, "wrong password") for _ in range(5)] == [403] * 5
    refused = door.post("/sign-in", data={"email": EMAIL, "password": PASSWORD})
    assert refused.status_code == 403
    assert "Too many failed sign-ins" in refused.text


def test_an_unknown_person_hears_the_same_as_a_wrong_password(door: TestClient) -> None:
    known = door.post("/sign-in", data={"email": EMAIL, "password": "wrong password"})
    unknown = door.post("/sign-in", data={"email": "x@example.com", "password": "wrong password"})
    assert known.status_code == unknown.status_code == 403
    assert known.text.replace(EMAIL, "x@example.com") == unknown.text


def test_a_link_signs_in_once_and_only_by_its_button(door: TestClient, container: Container) -> None:
    with unit_of_work(container.sessions) as session:
        user = accounts.find_user(session, EMAIL)
        link = accounts.create_sign_in_link(session, user, now=container.clock.now())
    assert door.get(f"/sign-in/{link}").status_code == 200
    assert door.get("/admin/").status_code == 303
    assert door.post(f"/sign-in/{link}").status_code == 303
    assert door.get("/admin/").status_code == 200
    again = door.post(f"/sign-in/{link}")
    assert again.status_code == 403
    assert "used already" in again.text


def test_signing_out_ends_the_session_itself(container: Container) -> None:
    browser = Browser(container, "editor")
    cookie = browser.client.cookies["session"]
    assert browser.send("/sign-out").status_code == 303
    browser.client.cookies.set("session", cookie)
    assert browser.get("/admin/").headers["location"] == "/sign-in?next=/admin/"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_form_of_another_site_is_refused(door: TestClient, headers: dict[str, str]) -> None:
    answer = door.post("/sign-in", data={"email": EMAIL, "password": PASSWORD}, headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/sign-in", "/nothing/here", "/static/design.css", "/u/sample"])
def test_every_answer_carries_the_headers(door: TestClient, path: str) -> None:
    headers = door.get(path).headers
    policy = headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"


def test_private_pages_stay_in_no_cache(door: TestClient) -> None:
    for path in ("/sign-in", "/admin/", "/u/sample", "/p/sample"):
        assert door.get(path).headers["cache-control"] == "no-store"


def test_over_tls_the_cookie_is_bound_to_the_host(container: Container) -> None:
    secure = replace(
        container, settings=container.settings.model_copy(update={"base_url": "https://a.example"})
    )
    with unit_of_work(container.sessions) as session:
        accounts.create_user(session, email=EMAIL, role="admin", password=PASSWORD)
    door = TestClient(create_app(secure), base_url="https://a.example", follow_redirects=False)
    answer = door.post("/sign-in", data={"email": EMAIL, "password": PASSWORD})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-session=")
    assert "Secure" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie
    assert "strict-transport-security" in answer.headers


def test_no_page_has_a_script_or_style_of_its_own(container: Container) -> None:
    with unit_of_work(container.sessions) as session:
        compose(session)
    browser = Browser(container, "admin")
    for path in ("/admin/", "/admin/issues/1", "/admin/posts", "/admin/publications", "/letter/", "/sign-in"):
        page = browser.page(path)
        assert " style=" not in page
        assert "<style" not in page
        assert "<script>" not in page
        assert " onclick=" not in page
