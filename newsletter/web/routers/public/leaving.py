"""Leaving: the page behind the link in every mail, RFC 8058 one-click, undo, and an optional reason (C1, C2, M11-M13)."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.responses import PlainTextResponse, Response

from newsletter.audience import service
from newsletter.audience.models import MailingList
from newsletter.bootstrap import Container
from newsletter.db.session import unit_of_work
from newsletter.errors import InvalidInput
from newsletter.web.deps import container
from newsletter.web.routers.public.reader import (
    SAMPLE,
    Posted,
    Reader,
    evidence,
    find_reader,
    page,
    publication_lists,
    text,
    unknown,
)

router = APIRouter(include_in_schema=False)

REASONS: Final = (
    "Too many mails",
    "Not what I expected",
    "I never asked for this",
    "I read it elsewhere",
)


@router.get("/u/{token}")
def show_leaving(request: Request, token: str) -> Response:
    """Show who would leave what, and a button: opening the link changes nothing."""
    if token == SAMPLE:
        return page(request, "sample_link")
    parts = container(request)
    with parts.reading_sessions() as session:
        reader = find_reader(session, parts, token)
        if reader is None:
            return unknown(request)
        return page(request, "unsubscribe", token=token, **_context(reader))


@router.post("/u/{token}")
def leave(request: Request, token: str, form: Posted) -> Response:
    """Unsubscribe at once. A mail program gets plain words, a person a page with undo; again changes nothing."""
    is_one_click = text(form, "List-Unsubscribe").strip().lower() == "one-click"
    if token == SAMPLE:
        return (
            PlainTextResponse("A sample; nothing changed.\n")
            if is_one_click
            else page(request, "sample_link")
        )
    parts = container(request)
    with unit_of_work(parts.sessions) as session:
        reader = find_reader(session, parts, token)
        if reader is None:
            return PlainTextResponse("This link is not known.\n", 404) if is_one_click else unknown(request)
        left = _leave(request, parts, session, reader, form, is_one_click=is_one_click)
        if is_one_click:
            return PlainTextResponse("You are unsubscribed.\n")
        return _left(request, token, _context(reader, left))


def _leave(
    request: Request,
    parts: Container,
    session: Session,
    reader: Reader,
    form: FormData,
    *,
    is_one_click: bool,
) -> list[MailingList]:
    source = "one-click" if is_one_click else "page"
    lists = reader.lists
    if text(form, "all") and reader.publication is not None:
        known = {each.id for each in lists}
        lists = [*lists, *(e for e in publication_lists(session, reader.publication) if e.id not in known)]
    service.unsubscribe(
        session,
        reader.person.id,
        list_ids=None if reader.campaign_id is None else [each.id for each in lists],
        source=source,
        campaign_id=reader.campaign_id,
        evidence=evidence(request, source),
        now=parts.clock.now(),
    )
    return lists


def _left(
    request: Request,
    token: str,
    context: dict[str, Any],
    status: int = 200,
    *,
    error: str = "",
    is_noted: bool = False,
) -> Response:
    more = {"token": token, "reasons": REASONS, "error": error, "is_noted": is_noted}
    return page(request, "unsubscribed", status, **context, **more)


def _context(reader: Reader, lists: list[MailingList] | None = None) -> dict[str, Any]:
    return {
        "reader": reader,
        "lists": reader.lists if lists is None else lists,
        "publication": reader.publication,
        "language": reader.publication.language if reader.publication else "en",
    }


@router.post("/u/{token}/undo")
def undo(request: Request, token: str) -> Response:
    """Take the unsubscribe of this mail back, for a day."""
    parts = container(request)
    with unit_of_work(parts.sessions) as session:
        reader = find_reader(session, parts, token)
        if reader is None or reader.campaign_id is None:
            return unknown(request)
        restored = service.undo_unsubscribe(
            session,
            reader.person.id,
            campaign_id=reader.campaign_id,
            evidence=evidence(request, "undo"),
            now=parts.clock.now(),
        )
        return page(request, "restored", token=token, restored=restored, **_context(reader))


@router.post("/u/{token}/reason")
def say_why(request: Request, token: str, form: Posted) -> Response:
    """Keep why a person left; never asked before they have left."""
    parts = container(request)
    with unit_of_work(parts.sessions) as session:
        reader = find_reader(session, parts, token)
        if reader is None or reader.campaign_id is None:
            return unknown(request)
        said = ". ".join(
            part for part in (text(form, "reason", 200), text(form, "words", 400).strip()) if part
        )
        try:
            service.note_reason(session, reader.person.id, campaign_id=reader.campaign_id, reason=said)
        except InvalidInput as error:
            return _left(request, token, _context(reader), 422, error=str(error))
        return _left(request, token, _context(reader), is_noted=True)
