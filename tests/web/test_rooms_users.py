"""The room of users: made with a link that works once, given roles, shut out and let in."""

from __future__ import annotations

import re

import pytest

from newsletter.accounts.models import User
from newsletter.bootstrap import Container
from newsletter.db.session import unit_of_work
from newsletter.web.app import create_app
from tests.support.signed_in import Browser, TestClient


@pytest.fixture
def admin(container: Container) -> Browser:
    """The only administrator."""
    return Browser(container, "admin")


def find(parts: Container, user_id: int) -> User:
    """Return a user."""
    with parts.reading_sessions() as session:
        return session.get_one(User, user_id)


def test_a_new_user_gets_a_link_that_signs_in_once(admin: Browser, container: Container) -> None:
    page = admin.send("/admin/users", email="ines@example.com", name="Ines", role="editor")
    link = re.search(r'value="http://127.0.0.1:8025(/sign-in/[^"]+)"', page.text)
    assert link is not None
    visitor = TestClient(create_app(container), base_url="http://127.0.0.1:8025", follow_redirects=False)
    assert visitor.post(link[1]).headers["location"] == "/admin/"
    assert visitor.get("/admin/campaigns").status_code == 200
    assert visitor.post(link[1]).status_code == 403


def test_links_are_in_no_address_and_no_later_page(admin: Browser) -> None:
    page = admin.send("/admin/users", email="ines@example.com", role="viewer")
    assert "location" not in page.headers
    assert "/sign-in/" not in admin.page("/admin/users")


def test_roles_change(admin: Browser, container: Container) -> None:
    admin.send("/admin/users", email="ines@example.com", role="viewer")
    assert admin.send("/admin/users/2/role", role="editor").headers["location"] == "/admin/users?told=role"
    assert find(container, 2).role == "editor"
    assert admin.send("/admin/users/2/role", role="king").status_code == 422


def test_somebody_is_shut_out_at_once_and_let_in_again(admin: Browser, container: Container) -> None:
    editor = Browser(container, "editor")
    assert editor.get("/admin/campaigns").status_code == 200
    admin.send("/admin/users/2/disable")
    assert editor.get("/admin/campaigns").status_code == 303
    assert "shut out" in admin.page("/admin/users?told=disabled")
    assert admin.send("/admin/users/2/link").status_code == 409
    admin.send("/admin/users/2/enable")
    assert find(container, 2).disabled_at is None


def test_administrators_do_not_lock_themselves_out(admin: Browser, container: Container) -> None:
    assert admin.send("/admin/users/1/disable").status_code == 409
    assert admin.send("/admin/users/1/role", role="viewer").status_code == 409
    assert find(container, 1).disabled_at is None


@pytest.mark.parametrize(("fields", "status"), [({"email": "x"}, 422), ({"role": "king"}, 422)])
def test_a_user_that_does_not_fit_is_refused(admin: Browser, fields: dict[str, str], status: int) -> None:
    assert (
        admin.send("/admin/users", **({"email": "a@example.com", "role": "viewer"} | fields)).status_code
        == status
    )


def test_a_name_is_only_a_name(admin: Browser, container: Container) -> None:
    with unit_of_work(container.sessions) as session:
        session.add(User(email="x@example.com", name="<img src=x onerror=alert(1)>", role="viewer"))
    assert "<img src=x" not in admin.page("/admin/users")
