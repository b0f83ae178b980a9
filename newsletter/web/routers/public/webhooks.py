"""Where providers tell what became of our mail: verified, kept, answered; a worker reads it (W1)."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response

from newsletter.bootstrap import Container
from newsletter.db.session import unit_of_work
from newsletter.errors import NewsletterError
from newsletter.feedback.webhooks.accounts import account_at
from newsletter.feedback.webhooks.receiving import note_refusal, take_request
from newsletter.feedback.webhooks.request import MOST_BYTES, Refused, WebhookRequest
from newsletter.logs import logger
from newsletter.web.deps import container

log = logger(__name__)
router = APIRouter(include_in_schema=False)

_NOWHERE: Final = Refused("There is nothing at this address.", 404)
_METHODS: Final = ["GET", "HEAD", "POST"]


@router.api_route("/webhooks/{provider}/{path}", methods=_METHODS)
async def take(request: Request, provider: str, path: str) -> Response:
    """Take a provider's request in. The address holds a secret: it is neither logged nor shown."""
    parts = container(request)
    try:
        seen = WebhookRequest(request.method, str(request.url), dict(request.headers), await _body(request))
        is_new = await run_in_threadpool(_take, parts, provider, path, seen)
    except Refused as refusal:
        return _refused(refusal)
    except NewsletterError as error:
        log.error("webhook_not_taken", provider=provider[:20], error=str(error)[:200])
        return _refused(Refused("Not taken now: please send it again.", 503))
    return PlainTextResponse("Taken in.\n" if is_new else "Nothing new.\n")


async def _body(request: Request) -> bytes:
    """Read a body up to the bound and not a byte further.

    :raises Refused: when it is larger.
    """
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > MOST_BYTES:
            raise Refused("The request is larger than 1 MB.", 413)
        pieces.append(piece)
    return b"".join(pieces)


def _take(parts: Container, provider: str, path: str, request: WebhookRequest) -> bool:
    now = parts.clock.now()
    account_id = None
    try:
        with unit_of_work(parts.sessions) as session:
            account = account_at(session, provider, path)
            if account is None:
                raise _NOWHERE
            account_id = account.id
            return take_request(session, parts.doorkeeper, account, request, now)
    except Refused as refusal:
        if account_id is not None:
            _note(parts, account_id, provider, refusal)
        raise


def _note(parts: Container, account_id: int, provider: str, refusal: Refused) -> None:
    log.warning("webhook_refused", provider=provider, account=account_id, why=str(refusal))
    with unit_of_work(parts.sessions) as session:
        note_refusal(session, account_id, refusal, parts.clock.now())


def _refused(refusal: Refused) -> Response:
    # SNS and others send user and password only after they were asked for them (RFC 7235 §3.1).
    headers = {"WWW-Authenticate": 'Basic realm="webhooks"'} if refusal.status == 401 else None
    return PlainTextResponse(f"{refusal}\n", refusal.status, headers)
