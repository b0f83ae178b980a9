"""What every page uses: the container, a session, who is signed in, and rendering."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.responses import HTMLResponse, RedirectResponse, Response

from newsletter.accounts import service as accounts
from newsletter.accounts.models import Role
from newsletter.bootstrap import Container
from newsletter.db.session import unit_of_work
from newsletter.delivery.instance import is_home
from newsletter.errors import Forbidden, InvalidInput
from newsletter.web.pages import environment
from newsletter.web.security import form_token


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who uses this browser."""

    id: int
    email: str
    name: str
    role: Role

    @property
    def can_edit(self) -> bool:
        """Editors and admins compose."""
        return self.role in (Role.EDITOR, Role.ADMIN)

    @property
    def is_admin(self) -> bool:
        """Admins look after lists and people."""
        return self.role is Role.ADMIN


class NotSignedIn(Exception):
    """Nobody is signed in; the browser is sent to the door."""


def container(request: Request) -> Container:
    """Return the installation's parts."""
    parts: Container = request.app.state.container
    return parts


def reading(request: Request) -> Iterator[Session]:
    """Give a session for reading."""
    with container(request).reading_sessions() as session:
        yield session


def writing(request: Request) -> Iterator[Session]:
    """Give a unit of work: committed before the answer goes out, or not at all."""
    with unit_of_work(container(request).sessions) as session:
        yield session


Reading = Annotated[Session, Depends(reading, scope="function")]
Writing = Annotated[Session, Depends(writing, scope="function")]


def cookie_name(request: Request) -> str:
    """Return the session cookie's name; `__Host-` binds it to this host over TLS."""
    secure = container(request).settings.base_url.startswith("https://")
    return "__Host-session" if secure else "session"


def current_user(request: Request) -> SignedIn:
    """Return who is signed in, and keep the session alive.

    :raises NotSignedIn: when nobody is.
    """
    token = request.cookies.get(cookie_name(request), "")
    parts = container(request)
    now = parts.clock.now()
    with parts.reading_sessions() as session:
        login = accounts.find_session(session, token, now=now) if token else None
        if login is None:
            raise NotSignedIn
        user = SignedIn(login.user.id, login.user.email, login.user.name, Role(login.user.role))
        stale = accounts.needs_touch(login, now)
        login_id = login.id
    if stale:
        with unit_of_work(parts.sessions) as session:
            accounts.touch_session(session, login_id, now=now)
    request.state.user = user
    request.state.form_token = form_token(parts.settings.secret, token)
    return user


User = Annotated[SignedIn, Depends(current_user)]


def require(role: Role) -> Callable[[SignedIn], SignedIn]:
    """Return a dependency that lets in whoever may do what `role` may.

    :raises Forbidden: for everybody else, with a sentence.
    """
    ranks = (Role.VIEWER, Role.EDITOR, Role.ADMIN)

    def check(user: User) -> SignedIn:
        if ranks.index(user.role) < ranks.index(role):
            raise Forbidden(f"You are signed in as {user.role.value}; this needs the role {role.value}.")
        return user

    return check


Editor = Annotated[SignedIn, Depends(require(Role.EDITOR))]
Admin = Annotated[SignedIn, Depends(require(Role.ADMIN))]


#: For pages that need to know nothing of who is there but that they may be.
SignedInOnly = Depends(current_user)
EditorOnly = Depends(require(Role.EDITOR))
AdminOnly = Depends(require(Role.ADMIN))


async def _form(request: Request) -> FormData:
    return await request.form()


Form = Annotated[FormData, Depends(_form)]


def field(form: FormData, name: str, default: str = "", *, most: int = 20_000) -> str:
    """Return one text field; NUL never gets in.

    :raises InvalidInput: when it is longer than `most`: cutting it would lose what somebody wrote.
    """
    value = form.get(name, default)
    if not isinstance(value, str):
        return default
    if len(value) > most:
        raise InvalidInput(f"The {name.replace('_', ' ')} is too long: at most {most:,} characters fit.")
    return value.replace("\x00", "")


def render(request: Request, template: str, status: int = 200, **context: Any) -> Response:
    """Render a template as a page."""
    user = getattr(request.state, "user", None)
    known = {
        "request": request,
        "user": user,
        "form_token": getattr(request.state, "form_token", ""),
        "settings": container(request).settings,
        "is_stray": lambda: _is_stray(container(request)),
        "path": request.url.path,
    }
    page = environment().get_template(template).render(known | context)
    return HTMLResponse(page, status_code=status)


def _is_stray(parts: Container) -> bool:
    """Say whether nothing is sent from here, because the database is a copy of another installation's."""
    with parts.reading_sessions() as session:
        return not is_home(session, parts.settings.instance_id)


def back_to(path: str) -> Response:
    """Send the browser on after a change (303: a reload repeats nothing)."""
    return RedirectResponse(path, status_code=303)


def is_fragment(request: Request) -> bool:
    """Say whether htmx asks for a part of the page."""
    return request.headers.get("hx-request") == "true"
