"""`/c/…`, the links in a mail, and `/o/…`, its picture. Answered at the door: they are asked for more often than all pages.

No cookie, no query, no address from the request: where a link leads comes from the database, and only the time, the
delivery, the link and a few bits about the sender are noted (docs/clicks.md). Whatever we did not write into a mail
goes on to the router, which answers that there is nothing.
"""

from __future__ import annotations

import base64
from typing import Final

from fastapi import APIRouter
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
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
_METHODS: Final = ("GET", "HEAD")

router = APIRouter(include_in_schema=False)


class LinkDoor:
    """Stands before the router and answers what it knows."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lead on, show the picture, or pass on."""
        if scope["type"] == "http" and scope["method"] in _METHODS and scope["path"][:3] in ("/c/", "/o/"):
            answer = await _answer(scope, scope["path"].split("/")[1:])
            if answer is not None:
                status, headers, body = answer
                await send({"type": "http.response.start", "status": status, "headers": headers})
                await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
                return
        await self._app(scope, receive, send)


Answer = tuple[int, list[tuple[bytes, bytes]], bytes]


async def _answer(scope: Scope, parts: list[str]) -> Answer | None:
    desk: ClickDesk = scope["app"].state.container.clicks
    delivery_id = desk.reader_of(parts[-1])
    if delivery_id is None:
        return None
    if parts[0] == "o":
        return _picture(desk, delivery_id, scope) if len(parts) == 2 else None
    target = await _target(desk, delivery_id, parts[1], scope) if len(parts) == 3 else None
    return None if target is None else (302, [(b"location", target.location), *_MOVED], b"")


def _picture(desk: ClickDesk, delivery_id: int, scope: Scope) -> Answer:
    """Return the picture, the same to everybody, for ever."""
    desk.note_open(delivery_id, signals_of(scope["method"], scope["headers"]))
    return 200, _SEEN, PICTURE


async def _target(desk: ClickDesk, delivery_id: int, key: str, scope: Scope) -> Target | None:
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


@router.get("/c/{rest:path}")
@router.get("/o/{rest:path}")
def unknown_link() -> Response:
    """Say what may have happened to a link.

    :raises NotFound: always.
    """
    raise NotFound("This link is not one of ours, or it was cut off on its way. Try it from the mail again.")
