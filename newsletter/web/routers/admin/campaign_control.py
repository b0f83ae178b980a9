"""A person's decisions about a campaign: unknown messages, trying again, another time, no waiting."""

from __future__ import annotations

from itertools import islice
from typing import Final, TypeVar

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from newsletter.delivery.control import ambiguity, staging
from newsletter.delivery.control import campaigns as sending
from newsletter.delivery.control.again import retry_campaign
from newsletter.delivery.control.wall_time import schedule_at
from newsletter.delivery.instance import must_be_home
from newsletter.delivery.models import Campaign
from newsletter.delivery.reading import ledger_rows
from newsletter.delivery.states import AmbiguousPolicy, DeliveryState, Resolution, Unreached
from newsletter.errors import Conflict, InvalidInput
from newsletter.web.deps import Editor, EditorOnly, Form, Reading, Writing, back_to, container, field, render
from newsletter.web.security import hold_form_token

router = APIRouter(
    prefix="/admin/campaigns/{ref:int}",
    include_in_schema=False,
    dependencies=[EditorOnly, Depends(hold_form_token)],
)
#: One killed worker leaves as many as it had connections: a page holds them.
MOST_SHOWN: Final = 200
Word = TypeVar("Word", AmbiguousPolicy, Resolution, Unreached)


@router.get("/unknown")
def unknown(request: Request, session: Reading, ref: int) -> Response:
    """List messages whose fate nobody knows, with what to look for in the relay's log."""
    keyring = container(request).keyring
    rows = ledger_rows(
        session, sending.find_campaign(session, str(ref)), keyring, state=DeliveryState.AMBIGUOUS
    )
    shown = list(islice(rows, MOST_SHOWN))
    campaign = sending.find_campaign(session, str(ref))  # reading the ledger forgets what was loaded before
    count = sending.state_counts(session, campaign.id)[DeliveryState.AMBIGUOUS]
    resolved = ambiguity.count_in_question(session, campaign.id, Resolution.UNKNOWN)
    return render(
        request, "admin/campaigns/unknown.html", campaign=campaign, issue=campaign.issue, rows=shown, count=count,
        policies=list(AmbiguousPolicy), resolved=resolved,
    )  # fmt: skip


@router.post("/unknown/policy")
def choose_policy(request: Request, user: Editor, form: Form, session: Writing, ref: int) -> Response:
    """Choose what becomes of them after half an hour."""
    campaign = sending.find_campaign(session, str(ref))
    policy = _word(AmbiguousPolicy, field(form, "policy", most=20))
    now = container(request).clock.now()
    ambiguity.set_policy(session, campaign, policy, actor=user.email, now=now)
    return back_to(f"/admin/campaigns/{campaign.id}/unknown")


@router.post("/unknown/resolve")
def resolve(request: Request, user: Editor, form: Form, session: Writing, ref: int) -> Response:
    """Decide about one address, or about all when none is named."""
    campaign, parts = sending.find_campaign(session, str(ref)), container(request)
    resolution, address = _word(Resolution, field(form, "as", most=20)), field(form, "address", most=254)
    if not address:
        _hold_count(session, campaign, resolution, field(form, "all", most=12))
    ambiguity.resolve(
        session, parts.queue, campaign, resolution, addresses=[address] if address else None, actor=user.email,
        now=parts.clock.now(),
    )  # fmt: skip
    return back_to(f"/admin/campaigns/{campaign.id}/unknown")


@router.post("/retry")
def retry(request: Request, user: Editor, form: Form, session: Writing, ref: int) -> Response:
    """Send again to those who failed softly or expired."""
    campaign, parts = sending.find_campaign(session, str(ref)), container(request)
    must_be_home(session, parts.settings.instance_id)
    reason = " ".join(field(form, "reason", most=500).split())
    which = _word(Unreached, field(form, "which", "all", most=10))
    made = retry_campaign(
        session, parts.queue, campaign, which, actor=user.email, why=reason, now=parts.clock.now()
    )
    return back_to(f"/admin/campaigns/{made.id}")


@router.post("/schedule")
def schedule(request: Request, user: Editor, form: Form, session: Writing, ref: int) -> Response:
    """Move a campaign to another time by the publication's clock."""
    campaign = sending.find_campaign(session, str(ref))
    wanted = schedule_at(field(form, "at", most=40), campaign.issue.publication.time_zone)
    now = container(request).clock.now()
    sending.reschedule(session, campaign, wanted, actor=user.email, now=now)
    return back_to(f"/admin/campaigns/{campaign.id}")


@router.post("/unschedule")
def unschedule(request: Request, user: Editor, session: Writing, ref: int) -> Response:
    """Take a schedule back before anything has begun."""
    campaign = sending.find_campaign(session, str(ref))
    sending.unschedule(session, campaign, actor=user.email, now=container(request).clock.now())
    return back_to(f"/admin/campaigns/{campaign.id}")


@router.post("/go-on")
def go_on(request: Request, user: Editor, session: Writing, ref: int) -> Response:
    """Send the rest of a staged send without waiting for its hold."""
    campaign = sending.find_campaign(session, str(ref))
    staging.go_on(session, campaign, actor=user.email, now=container(request).clock.now())
    return back_to(f"/admin/campaigns/{campaign.id}")


def _hold_count(session: Session, campaign: Campaign, resolution: Resolution, seen: str) -> None:
    """Hold that "all" are as many as the page said: more may have come since it was read."""
    if not seen.isdecimal():
        raise InvalidInput("Say which message is meant.")
    now = ambiguity.count_in_question(session, campaign.id, resolution)
    if int(seen) != now:
        raise Conflict(f"The page said {int(seen):,}, now it is {now:,}: look again before you decide.")


def _word(words: type[Word], given: str) -> Word:
    try:
        return words(given)
    except ValueError:
        raise InvalidInput("Choose one of the answers on the page.") from None
