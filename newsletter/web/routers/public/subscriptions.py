"""The public form of a list, and the link that confirms a subscription."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from newsletter.audience import service
from newsletter.audience.models import MailingList
from newsletter.audience.states import SubscriptionState, Visibility
from newsletter.bootstrap import Container
from newsletter.db.session import unit_of_work
from newsletter.errors import InvalidInput, NotFound
from newsletter.issues.models import Publication
from newsletter.web.deps import container
from newsletter.web.routers.public import leaving, preferences
from newsletter.web.routers.public.form_guard import Limiter, is_fresh, network_of, stamp
from newsletter.web.routers.public.reader import Posted, evidence, page, text, unknown

router = APIRouter(include_in_schema=False)
router.include_router(leaving.router)
router.include_router(preferences.router)

#: Forms from one household or office in an hour.
_limiter = Limiter(most=30, seconds=3600)


@router.get("/subscribe/{slug}")
def show_form(request: Request, slug: str) -> Response:
    """Show the form of a public list."""
    parts = container(request)
    with parts.reading_sessions() as session:
        try:
            mailing_list = _public_list(session, slug)
        except NotFound:
            return unknown(request, "There is no such list.")
        return _form(request, parts, session, mailing_list)


@router.post("/subscribe/{slug}")
def send_form(request: Request, slug: str, form: Posted) -> Response:
    """Take the form in. Known, unknown and suppressed addresses get the same answer (S9)."""
    parts = container(request)
    with unit_of_work(parts.sessions) as session:
        try:
            mailing_list = _public_list(session, slug)
        except NotFound:
            return unknown(request, "There is no such list.")
        values = {"email": text(form, "email", 400), "name": text(form, "name", 400)}
        problem = _refusal(request, parts, slug, text(form, "stamp"))
        if problem:
            status, message = problem
            return _form(request, parts, session, mailing_list, status, error=message, **values)
        try:
            if not text(form, "website"):
                _subscribe(request, parts, session, mailing_list, values)
        except InvalidInput as error:
            return _form(request, parts, session, mailing_list, 422, error=str(error), **values)
        return page(request, "subscribed", **_context(session, mailing_list))


def _public_list(session: Session, slug: str) -> MailingList:
    mailing_list = service.find_list(session, slug)
    if mailing_list.visibility != Visibility.PUBLIC:
        raise NotFound("There is no such list.")
    return mailing_list


def _refusal(request: Request, parts: Container, slug: str, given: str) -> tuple[int, str] | None:
    if not is_fresh(parts.settings.secret, slug, given):
        return 422, "The form was sent too quickly, or had been open for too long. Send it once more."
    source = network_of(request.client.host if request.client else "")
    if not _limiter.allows(source, parts.clock.monotonic()):
        return 429, "Many forms came from your network. Wait an hour and send it again."
    return None


def _subscribe(
    request: Request, parts: Container, session: Session, mailing_list: MailingList, values: dict[str, str]
) -> None:
    service.subscribe(
        session,
        parts.queue,
        values["email"],
        mailing_list,
        name=values["name"],
        evidence=evidence(request, "form", wording_for(mailing_list)),
        secret=parts.settings.secret,
        now=parts.clock.now(),
    )


def wording_for(mailing_list: MailingList) -> str:
    """Return the exact words beside the button, kept with the consent."""
    return f"Send me {mailing_list.name} by e-mail. I can leave with one click in any issue."


def _context(session: Session, mailing_list: MailingList) -> dict[str, Any]:
    publication = (
        session.get(Publication, mailing_list.publication_id)
        if mailing_list.publication_id is not None
        else None
    )
    return {
        "mailing_list": mailing_list,
        "publication": publication,
        "language": publication.language if publication else "en",
    }


def _form(
    request: Request,
    parts: Container,
    session: Session,
    mailing_list: MailingList,
    status: int = 200,
    *,
    error: str = "",
    email: str = "",
    name: str = "",
) -> Response:
    return page(
        request,
        "subscribe",
        status,
        stamp=stamp(parts.settings.secret, mailing_list.slug),
        wording=wording_for(mailing_list),
        error=error,
        email=email,
        name=name,
        **_context(session, mailing_list),
    )


@router.get("/confirm/{token}")
def show_confirmation(request: Request, token: str) -> Response:
    """Show what will be confirmed, and a button: opening the link changes nothing (M12)."""
    parts = container(request)
    with parts.reading_sessions() as session:
        try:
            row = service.find_confirmable(session, _number(parts, token), parts.clock.now())
        except NotFound as error:
            return unknown(request, str(error))
        is_done = row.state == SubscriptionState.CONFIRMED
        return page(request, "confirm", token=token, is_done=is_done, **_context(session, row.list))


@router.post("/confirm/{token}")
def confirm(request: Request, token: str) -> Response:
    """Confirm; pressing again says the same."""
    parts = container(request)
    with unit_of_work(parts.sessions) as session:
        try:
            row = service.confirm(
                session,
                _number(parts, token),
                evidence=evidence(request, "confirmation"),
                secret=parts.settings.secret,
                now=parts.clock.now(),
            )
        except NotFound as error:
            return unknown(request, str(error))
        return page(request, "confirm", token=token, is_done=True, **_context(session, row.list))


def _number(parts: Container, token: str) -> int:
    number = parts.keyring.confirm.verify(token)
    if number is None:
        raise NotFound("This link is not known here. Ask again on the subscribe page.")
    return number
