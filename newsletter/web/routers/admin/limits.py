"""How fast, how many at once, on which days and at which hours: seen by all, set by administrators."""

from __future__ import annotations

from datetime import date, datetime, time

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.responses import Response

from newsletter.accounts import audit
from newsletter.delivery.limits import breakers, editing, planning
from newsletter.delivery.limits.models import SendingHours, WarmUp
from newsletter.delivery.limits.overview import overview
from newsletter.delivery.limits.plans import FIRST_WEEK
from newsletter.delivery.limits.rates import PERIODS, Rate
from newsletter.delivery.limits.rules import AT_ONCE
from newsletter.delivery.relays.service import FALLBACK_NAME, list_relays
from newsletter.errors import InvalidInput, NotFound
from newsletter.issues import service as issues
from newsletter.web.deps import Admin, Form, Reading, SignedInOnly, Writing, back_to, container, field, render
from newsletter.web.security import hold_form_token

ROOM = "/admin/sending/limits"
router = APIRouter(
    prefix=ROOM, include_in_schema=False, dependencies=[SignedInOnly, Depends(hold_form_token)]
)
_TABLES: dict[str, type[WarmUp | SendingHours]] = {"warm-up": WarmUp, "hours": SendingHours}


@router.get("")
def limits(request: Request, session: Reading, told: str = "") -> Response:
    """Show what is set, what is left of it, and which groups rest."""
    parts = container(request)
    return render(
        request,
        "admin/limits/list.html",
        seen=overview(session, parts.limits.limiter, parts.clock.now()),
        names=_names(session),
        periods=(*PERIODS, AT_ONCE),
        first_week=", ".join(map(str, FIRST_WEEK)),
        today=parts.clock.now().date(),
        told=told,
    )


@router.post("")
def set_limit(request: Request, user: Admin, form: Form, session: Writing) -> Response:
    """Set a limit; one for each name and period."""
    scope, name, per = _named(form, "scope"), _named(form, "name"), _named(form, "per")
    count, now = _whole(form, "count"), container(request).clock.now()
    if per != AT_ONCE:
        editing.set_limit(session, scope, name, Rate(count, per), actor=user.email, now=now)
    elif scope == "group":
        editing.set_at_once(session, name, count, actor=user.email, now=now)
    else:
        raise InvalidInput("Only groups have a limit at once: choose second, minute, hour or day.")
    _note(session, user.email, "limit.set", f"{scope} {name}", per=per, count=count)
    return back_to(f"{ROOM}?told=set")


@router.post("/remove")
def remove(user: Admin, form: Form, session: Writing) -> Response:
    """Remove a limit; where one is shipped, that holds again."""
    scope, name, per = _named(form, "scope"), _named(form, "name"), _named(form, "per")
    editing.remove_limit(session, scope, name, per)
    _note(session, user.email, "limit.remove", f"{scope} {name}", per=per)
    return back_to(f"{ROOM}?told=removed")


@router.post("/off")
def switch_off(request: Request, user: Admin, form: Form, session: Writing) -> Response:
    """Switch a shipped limit off."""
    name = _named(form, "name")
    editing.switch_off(session, name, actor=user.email, now=container(request).clock.now())
    _note(session, user.email, "limit.off", f"group {name}")
    return back_to(f"{ROOM}?told=off")


@router.post("/close")
def close(user: Admin, form: Form, session: Writing) -> Response:
    """Let a group that rests be tried again at once."""
    group = _named(form, "name")
    if not breakers.close(session, group):
        raise NotFound(f"Nothing is wrong with {group}: its messages go already.")
    _note(session, user.email, "limit.close", f"group {group}")
    return back_to(f"{ROOM}?told=closed")


@router.post("/warm-up")
def warm_up(user: Admin, form: Form, session: Writing) -> Response:
    """Set the warm-up plan of a relay or publication."""
    scope, name = _named(form, "scope"), _named(form, "name")
    per_group = field(form, "per_group", most=12).strip()
    planning.set_warm_up(
        session,
        scope,
        name,
        first_day=_day(field(form, "first_day", most=10)),
        days=[_number(one) for one in field(form, "days", most=1000).split(",")],
        growth=_whole(form, "growth"),
        most=_whole(form, "most"),
        per_group=_number(per_group) if per_group else None,
        time_zone=field(form, "time_zone", "UTC", most=64).strip() or "UTC",
        actor=user.email,
    )
    _note(session, user.email, "warm-up.set", f"{scope} {name}")
    return back_to(f"{ROOM}?told=set")


@router.post("/hours")
def hours(user: Admin, form: Form, session: Writing) -> Response:
    """Set when a publication or campaign may send, and over how long it is spread."""
    scope, name = _named(form, "scope"), _named(form, "name")
    spread = field(form, "spread", most=12).strip()
    planning.set_hours(
        session,
        scope,
        name,
        opens_at=_hour(field(form, "opens_at", most=8)),
        closes_at=_hour(field(form, "closes_at", most=8)),
        spread_minutes=_number(spread) if spread else None,
        actor=user.email,
    )
    _note(session, user.email, "hours.set", f"{scope} {name}")
    return back_to(f"{ROOM}?told=set")


@router.post("/{kind}/remove")
def remove_plan(kind: str, user: Admin, form: Form, session: Writing) -> Response:
    """Remove a warm-up plan or sending hours."""
    if kind not in _TABLES:
        raise NotFound("There is no such plan.")
    scope, name = _named(form, "scope"), _named(form, "name")
    planning.remove_plan(session, _TABLES[kind], scope, name)
    _note(session, user.email, f"{kind}.remove", f"{scope} {name}")
    return back_to(f"{ROOM}?told=removed")


def _names(session: Session) -> list[str]:
    """Return the relays and publications that a rule may be for; groups are listed on the page already."""
    relays = [FALLBACK_NAME, *(relay.name for relay in list_relays(session))]
    return relays + [publication.slug for publication in issues.list_publications(session)]


def _note(session: Session, actor: str, action: str, about: str, **details: str | int) -> None:
    audit.record(session, actor=actor, action=action, object=about, details=details)


def _named(form: FormData, name: str) -> str:
    return field(form, name, most=253).strip().lower()


def _whole(form: FormData, name: str) -> int:
    return _number(field(form, name, most=12))


def _number(text: str) -> int:
    text = text.strip()
    if not (text.isascii() and text.isdecimal()) or len(text) > 12:
        raise InvalidInput(f"“{text[:40]}” is not a whole number.")
    return int(text)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"“{text}” is not a day: write it as 2026-03-01.") from None


def _hour(text: str) -> time | None:
    if not text.strip():
        return None
    try:
        return datetime.strptime(text.strip()[:5], "%H:%M").time()  # noqa: DTZ007 - an hour on the wall
    except ValueError:
        raise InvalidInput(f"“{text}” is not an hour: write it as 08:00.") from None
