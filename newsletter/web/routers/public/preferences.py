"""The preferences page: name, language and lists, without a password; the link in any mail is the key."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.responses import Response

from newsletter.audience import service
from newsletter.bootstrap import Container
from newsletter.db.session import unit_of_work
from newsletter.errors import InvalidInput, NotFound
from newsletter.web.deps import container
from newsletter.web.routers.public.measured import measured, save_measured
from newsletter.web.routers.public.reader import (
    SAMPLE,
    Posted,
    Reader,
    evidence,
    find_reader,
    page,
    text,
    unknown,
)

router = APIRouter(include_in_schema=False)

LANGUAGES: Final = {
    "ar": "العربية",
    "de": "Deutsch",
    "en": "English",
    "es": "Español",
    "fa": "فارسی",
    "fr": "Français",
    "he": "עברית",
    "it": "Italiano",
    "nb": "Norsk",
    "pt": "Português",
    "ru": "Русский",
    "tr": "Türkçe",
}
WORDING: Final = "Send me the lists I ticked on my preferences page."


@router.get("/p/{token}")
def show_preferences(request: Request, token: str) -> Response:
    """Show what a person gets."""
    if token == SAMPLE:
        return page(request, "sample_link")
    parts = container(request)
    with parts.reading_sessions() as session:
        reader = find_reader(session, parts, token)
        return unknown(request) if reader is None else _page(request, session, token, reader)


@router.post("/p/{token}")
def save(request: Request, token: str, form: Posted) -> Response:
    """Store what a person chose and show it."""
    if token == SAMPLE:
        return page(request, "sample_link")
    parts = container(request)
    try:
        with unit_of_work(parts.sessions) as session:
            reader = find_reader(session, parts, token)
            if reader is None:
                return unknown(request)
            changed = _save(request, parts, session, reader, form)
            message = "Saved." if changed else "Nothing was different, so nothing changed."
            return _page(request, session, token, reader, message=message)
    except (InvalidInput, NotFound) as error:
        with parts.reading_sessions() as session:
            reader = find_reader(session, parts, token)
            return (
                unknown(request)
                if reader is None
                else _page(request, session, token, reader, 422, error=str(error))
            )


def _save(request: Request, parts: Container, session: Session, reader: Reader, form: FormData) -> bool:
    counted = save_measured(session, reader, form, evidence(request, "preferences"), parts.clock.now())
    chosen = {int(value) for value in form.getlist("lists") if isinstance(value, str) and _is_number(value)}
    saved = service.save_preferences(
        session,
        reader.person,
        name=text(form, "name", 400),
        language=text(form, "language", 40),
        list_ids=chosen,
        publication_id=reader.publication.id if reader.publication else None,
        evidence=evidence(request, "preferences", WORDING),
        secret=parts.settings.secret,
        now=parts.clock.now(),
    )
    return saved or counted


def _is_number(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) < 18


def _page(
    request: Request,
    session: Session,
    token: str,
    reader: Reader,
    status: int = 200,
    *,
    message: str = "",
    error: str = "",
) -> Response:
    publication_id = reader.publication.id if reader.publication else None
    own = reader.person.language
    return page(
        request,
        "preferences",
        status,
        token=token,
        reader=reader,
        choices=service.choices(session, reader.person.id, publication_id),
        measured=measured(session, reader),
        languages=LANGUAGES if own is None or own in LANGUAGES else LANGUAGES | {own: own},
        message=message,
        error=error,
        publication=reader.publication,
        language=reader.publication.language if reader.publication else "en",
    )
