"""A browser for tests of the web app: signed in with a role, its forms carrying their token."""

from __future__ import annotations

import warnings
from typing import Any

from httpx import Response

from newsletter.accounts import service as accounts
from newsletter.bootstrap import Container
from newsletter.db.session import unit_of_work
from newsletter.web.app import create_app
from newsletter.web.security import form_token

with warnings.catch_warnings():  # Starlette would rather have a successor of httpx, which does the same
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

__all__ = ["Browser", "TestClient"]


class Browser:
    """Gets pages and sends forms as one user."""

    def __init__(self, parts: Container, role: str) -> None:
        """Make the user and sign them in."""
        with unit_of_work(parts.sessions) as session:
            user = accounts.create_user(session, email=f"{role}@example.com", role=role, name=role.title())
            token = accounts.open_session(session, user, now=parts.clock.now())
        self.client = TestClient(
            create_app(parts),
            base_url="http://127.0.0.1:8025",
            cookies={"session": token},
            follow_redirects=False,
        )
        self.form_token = form_token(parts.settings.secret, token)

    def get(self, path: str, **headers: str) -> Response:
        """Open a page."""
        return self.client.get(path, headers=headers)

    def send(self, path: str, *, files: Any = None, **fields: Any) -> Response:
        """Send a form."""
        return self.client.post(path, data={"form_token": self.form_token, **fields}, files=files)

    def page(self, path: str) -> str:
        """Return a page that must be there."""
        answer = self.get(path)
        assert answer.status_code == 200, (answer.status_code, answer.text[-2000:])
        return answer.text
