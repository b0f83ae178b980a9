"""`/c/…`, the links in a mail, and `/o/…`, its picture. Plain ASGI: they are asked for more often than all pages together.

No cookie, no query, no address from the request: where a link leads comes from the database, and only the time, the
delivery, the link and a few bits about the sender are noted (docs/clicks.md).
"""

from __future__ import annotations

import base64
from typing import Final

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from newsletter.errors import NotFound
from newsletter.feedback.engagement.desk import ClickDesk
from newsletter.feedback.engagement.signals import signals_of
from newsletter.feedback.engagement.targets import KnownIssue, Target

#: One transparent dot.
PICTURE: Final = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_PRIVATE: Final = [
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-robots-tag", b"noindex, nofollow"),
]
_MOVED: Final = [*_PRIVATE, (b"content-length", b"0")]
_SEEN: Final = [*_PRIVATE, (b"content-type", b"image/gif"), (b"content-length", b"%d" % len(PICTURE))]


async def _follow(scope: Scope, _receive: Receive, send: Send) -> None:
    """Lead on; whatever we did not write into a mail leads nowhere."""
    desk: ClickDesk = scope["app"].state.container.clicks
    parameters = scope["path_params"]
    target = await _target(desk, parameters["key"], parameters["token"], scope)
    if target is None:
        raise NotFound(
            "This link is not one of ours, or it was cut off on the way. Try it from the mail again."
        )
    await _answer(send, 302, [(b"location", target.location), *_MOVED], b"")


async def _target(desk: ClickDesk, key: str, token: str, scope: Scope) -> Target | None:
    delivery_id = desk.reader_of(token)
    if delivery_id is None:
        return None
    issue = desk.book.peek(key, delivery_id or None) or await run_in_threadpool(_load, desk, key)
    return desk.follow(issue, key, delivery_id, signals_of(scope["method"], scope["headers"]))


def _load(desk: ClickDesk, key: str) -> KnownIssue | None:
    """Read where a link leads; while the database is away, what was known of it stands."""
    try:
        return desk.book.load(key)
    except SQLAlchemyError:
        known = desk.book.known(key)
        if known is None:
            raise
        return known


async def _see(scope: Scope, _receive: Receive, send: Send) -> None:
    """Show the picture, the same to everybody, for ever."""
    desk: ClickDesk = scope["app"].state.container.clicks
    delivery_id = desk.reader_of(scope["path_params"]["token"])
    if delivery_id is None:
        raise NotFound("There is nothing at this address.")
    desk.note_open(delivery_id, signals_of(scope["method"], scope["headers"]))
    await _answer(send, 200, _SEEN, b"" if scope["method"] == "HEAD" else PICTURE)


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body})


class _Application:
    """An ASGI application as Starlette's routes take one: not a function, which would be called with a request."""

    def __init__(self, answer: ASGIApp) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._answer(scope, receive, send)


ROUTES: Final = (
    Route("/c/{key}/{token}", _Application(_follow), methods=["GET", "HEAD"]),
    Route("/o/{token}", _Application(_see), methods=["GET", "HEAD"]),
)
