"""People: search that answers at once, one person's whole story, adding, ending and erasing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import Response, StreamingResponse

from newsletter.accounts import audit
from newsletter.audience import service as audience
from newsletter.audience.consent import Evidence
from newsletter.audience.csv_export import export_subscribers
from newsletter.audience.models import Subscriber
from newsletter.audience.states import SubscriptionState
from newsletter.errors import InvalidInput, NotFound
from newsletter.feedback.erasure import erase_person
from newsletter.feedback.explaining import explain
from newsletter.feedback.softness import soft_counts
from newsletter.reporting.timeline import story_of
from newsletter.web.deps import (
    Admin,
    AdminOnly,
    Form,
    Reading,
    SignedInOnly,
    Writing,
    back_to,
    container,
    field,
    is_fragment,
    render,
)
from newsletter.web.queries.people import count_people, standings
from newsletter.web.security import hold_form_token
from newsletter.web.views.confirming import hold_typed
from newsletter.web.views.story import lines_of

router = APIRouter(include_in_schema=False, dependencies=[SignedInOnly, Depends(hold_form_token)])
ListSlug = Annotated[str, Query(alias="list")]


@router.get("/admin/subscribers")
def search(
    request: Request, session: Reading, q: str = "", slug: ListSlug = "", state: str = "", after: str = ""
) -> Response:
    """Show people whose address begins with what was typed."""
    wanted = state if state in tuple(SubscriptionState) else ""
    chosen = audience.find_list(session, slug) if slug else None
    page = audience.search_subscribers(
        session, q, list_id=chosen.id if chosen else None, state=wanted or None, after=after
    )
    found: dict[str, Any] = {
        "page": page,
        "standings": standings(session, page.subscribers),
        "lists": audience.list_lists(session),
        "q": q,
        "slug": slug,
        "state": wanted,
        "after": after,
    }
    if is_fragment(request):
        return render(request, "admin/subscribers/found.html", **found)
    total, states = count_people(session), list(SubscriptionState)
    return render(request, "admin/subscribers/list.html", total=total, states=states, **found)


@router.get("/admin/subscribers/export.csv", dependencies=[AdminOnly])
def export(request: Request, session: Reading, slug: ListSlug = "") -> Response:
    """Give everybody, or one list, as a spreadsheet that the import reads back."""
    name = audience.find_list(session, slug).slug if slug else "subscribers"
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return StreamingResponse(_lines(request, slug), media_type="text/csv", headers=headers)


def _lines(request: Request, slug: str) -> Iterator[str]:
    with container(request).reading_sessions() as session:
        yield from export_subscribers(session, list_slug=slug or None)


@router.post("/admin/subscribers")
def add(request: Request, user: Admin, form: Form, session: Writing) -> Response:
    """Add one person: at once on a single opt-in list, after their own confirmation on a double one."""
    wording = field(form, "consent", most=2000).strip()
    if not wording:
        raise InvalidInput("Say how this person agreed: it is kept as proof.")
    parts = container(request)
    made = audience.subscribe(
        session,
        parts.queue,
        field(form, "email", most=400),
        audience.find_list(session, field(form, "list", most=80)),
        name=field(form, "name", most=300),
        language=field(form, "language", most=35) or None,
        evidence=Evidence(f"added by {user.email}"[:40], wording),
        secret=parts.settings.secret,
        now=parts.clock.now(),
    )
    if made is None:
        raise InvalidInput("This address is suppressed: lift that first, with a reason, if it is right to.")
    audit.record(
        session, actor=user.email, action="subscriber.add", object=f"subscriber {made.subscriber_id}"
    )
    return back_to(f"/admin/subscribers/{made.subscriber_id}?told=added")


@router.get("/admin/subscribers/{subscriber_id:int}")
def one_person(request: Request, session: Reading, subscriber_id: int, told: str = "") -> Response:
    """Show everything that is known about a person."""
    person = _find(session, subscriber_id)
    story = story_of(session, person.email, secret=container(request).settings.secret)
    active = [one for one in audience.suppressions_of(session, person.address_key) if one.lifted_at is None]
    subscriptions, now = audience.subscriptions_of(session, person.id), container(request).clock.now()
    return render(
        request,
        "admin/subscribers/one.html",
        person=person,
        subscriptions=subscriptions,
        suppressions=[(one, explain(session, one)) for one in active],
        soft=soft_counts(
            session, person.address_key, [one.list.publication_id for one in subscriptions], now
        ),
        story=story,
        lines=lines_of(story.page(1)),
        told=told,
    )


@router.get("/admin/subscribers/{subscriber_id:int}/data.json", dependencies=[AdminOnly])
def own_copy(session: Reading, subscriber_id: int) -> Response:
    """Give a person's data as the law wants it: complete, and readable by machines."""
    known = audience.describe(session, _find(session, subscriber_id))
    document = json.dumps(known, ensure_ascii=False, indent=1, default=str)
    headers = {"Content-Disposition": f'attachment; filename="subscriber-{subscriber_id}.json"'}
    return Response(document, media_type="application/json", headers=headers)


@router.post("/admin/subscribers/{subscriber_id:int}/unsubscribe")
def end(request: Request, user: Admin, form: Form, session: Writing, subscriber_id: int) -> Response:
    """End the chosen subscriptions of a person."""
    person = _find(session, subscriber_id)
    given = [value for value in form.getlist("list") if isinstance(value, str)]
    chosen = [int(value) for value in given if value.isdecimal() and len(value) < 18]
    if not chosen:
        raise InvalidInput("Choose at least one list to take this person off.")
    ended = audience.unsubscribe(
        session,
        person.id,
        list_ids=chosen,
        reason=field(form, "reason", most=500),
        source="admin",
        evidence=Evidence(f"taken off by {user.email}"[:40]),
        now=container(request).clock.now(),
    )
    audit.record(
        session,
        actor=user.email,
        action="subscriber.unsubscribe",
        object=f"subscriber {person.id}",
        details={"lists": ended},
    )
    return back_to(f"/admin/subscribers/{person.id}?told=ended")


@router.post("/admin/subscribers/{subscriber_id:int}/erase")
def erase(request: Request, user: Admin, form: Form, session: Writing, subscriber_id: int) -> Response:
    """Forget a person for good, once their address was typed."""
    person, parts = _find(session, subscriber_id), container(request)
    hold_typed(field(form, "typed", most=400), person.email, "the address")
    erase_person(session, person.email, secret=parts.settings.secret, actor=user.email, now=parts.clock.now())
    audit.record(session, actor=user.email, action="subscriber.erase", object=f"subscriber {subscriber_id}")
    return back_to("/admin/subscribers?told=erased")


def _find(session: Session, subscriber_id: int) -> Subscriber:
    person = session.get(Subscriber, subscriber_id) if subscriber_id < 1 << 62 else None
    if person is None:
        raise NotFound("Nobody has this number; the person may have been erased.")
    return person
