"""What holds for every answer and every changing request: headers, same origin, tokens against forged forms (S3, S5)."""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from newsletter.errors import Forbidden, NotFound

#: No inline script or style, nothing from elsewhere. Mails in a preview have a policy of their own.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data:; font-src 'self'; "
    "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
#: A mail as a document: its inline styles and pictures, never a script, always in a sandbox.
MAIL_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src https: http: data:; sandbox allow-popups; "
    "frame-ancestors 'self'"
)
_HEADERS: Final = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
]
_SECURE: Final = (b"strict-transport-security", b"max-age=31536000")
_NOT_KEPT: Final = (b"cache-control", b"no-store")
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
#: These forms are reached from mails and from other sites; what they do is held by signed links and stamps.
_OPEN: Final = ("/u/", "/p/", "/confirm/", "/subscribe/", "/webhooks/")
#: Nothing of these stays in a shared browser's cache after signing out, or a link's token in anybody's.
_PRIVATE: Final = ("/admin", "/sign-in", "/u/", "/p/", "/confirm/", "/s/")


class SecurityMiddleware:
    """Sets headers on every answer and refuses changing requests that another site's page sent."""

    def __init__(self, app: ASGIApp, base_url: str) -> None:
        self._app = app
        self._own_host = urlsplit(base_url).netloc
        is_secure = urlsplit(base_url).scheme == "https"
        self._headers = [*_HEADERS, _SECURE] if is_secure else _HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or refuse."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._complete(scope["path"], message)
            await send(message)

        if self._is_foreign(scope):
            refusal = PlainTextResponse("This form was not sent from our pages.", status_code=403)
            await refusal(scope, receive, send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)

    def _is_foreign(self, scope: Scope) -> bool:
        """Say whether a browser tells that a changing request comes from another site's page."""
        if scope["method"] in _SAFE or scope["path"].startswith(_OPEN):
            return False
        headers = Headers(scope=scope)
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return True
        origin = headers.get("origin")
        return origin is not None and urlsplit(origin).netloc not in (self._own_host, headers.get("host"))

    def _complete(self, path: str, start: Message) -> None:
        """Add what an answer does not say itself; header names are in small letters here (ASGI)."""
        said = {name for name, _ in start["headers"]}
        missing = [each for each in self._headers if each[0] not in said]
        if path.startswith(_PRIVATE) and b"cache-control" not in said:
            missing.append(_NOT_KEPT)
        start["headers"] = [*start["headers"], *missing]


def loggable(path: str) -> str:
    """Return a path as it may stand in a log: some addresses open something by themselves (W3, S18)."""
    if not path.startswith((*_OPEN, "/c/", "/o/")):
        return path
    kept = 3 if path.startswith("/webhooks/") else 2
    return "/".join([*path.split("/")[:kept], "…"])


def form_token(secret: bytes, session_token: str) -> str:
    """Return the token that a signed-in browser's forms carry."""
    return hmac.new(secret, b"form:" + session_token.encode(), sha256).hexdigest()


def refuse_nul(request: Request) -> None:
    """Answer an address with NUL in it as one where nothing is; no database takes such a text.

    :raises NotFound: always for such an address.
    """
    if "\x00" in request.scope["path"] or b"%00" in request.scope["query_string"]:
        raise NotFound("There is nothing at this address.")


async def hold_form_token(request: Request) -> None:
    """Refuse a changing request without its form token (header for htmx, field for plain forms).

    :raises Forbidden: when it is missing or another session's.
    """
    if request.method in _SAFE:
        return
    given = request.headers.get("x-form-token") or (await request.form()).get("form_token")
    wanted: str = getattr(request.state, "form_token", "")
    if not wanted or not isinstance(given, str) or not hmac.compare_digest(given.encode(), wanted.encode()):
        raise Forbidden("This page is from another sign-in: reload it and try again.")
