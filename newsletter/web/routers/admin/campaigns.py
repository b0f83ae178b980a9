"""The sending room: every campaign, one of them live, and the ledger of who got what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import Response, StreamingResponse

from newsletter.accounts import audit
from newsletter.delivery.brakes.braking import release_brakes
from newsletter.delivery.control import campaigns as sending
from newsletter.delivery.control.again import count_unreached
from newsletter.delivery.events import events_of
from newsletter.delivery.ledger_export import LedgerFormat
from newsletter.delivery.models import Campaign
from newsletter.delivery.reading import ledger_rows, state_of
from newsletter.delivery.rehearsing.book import comparison_of
from newsletter.delivery.states import CampaignState, DeliveryState
from newsletter.errors import InvalidInput
from newsletter.feedback.engagement.reading import click_numbers, counts_clicks
from newsletter.reporting.campaign_tables import failed_table, speed_table
from newsletter.web.deps import (
    Editor,
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
from newsletter.web.queries.campaigns import campaign_page, people_of, percent_done
from newsletter.web.queries.deliveries import ledger_page
from newsletter.web.security import hold_form_token
from newsletter.web.views.confirming import hold_typed
from newsletter.web.views.plan import planned_of
from newsletter.web.views.progress import progress

router = APIRouter(include_in_schema=False, dependencies=[SignedInOnly, Depends(hold_form_token)])
_LOG_LINES: Final = 40
Before = Annotated[int | None, Query(ge=1, lt=1 << 62)]


@router.get("/admin/campaigns")
def all_campaigns(request: Request, session: Reading, state: str = "", before: Before = None) -> Response:
    """List campaigns, newest first."""
    wanted = state if state in tuple(CampaignState) else ""
    page = campaign_page(session, state=wanted, before=before)
    running = {
        one.id: percent_done(session, one)
        for one in page.campaigns
        if not CampaignState(one.state).is_over and one.audience is not None
    }
    people = {one.id: people_of(session, one) for one in page.campaigns}
    return render(
        request,
        "admin/campaigns/list.html",
        page=page,
        running=running,
        people=people,
        state=wanted,
        states=list(CampaignState),
    )


@router.get("/admin/campaigns/{ref:int}")
def one_campaign(
    request: Request, session: Reading, ref: int, search: str = "", state: str = "", after: str = ""
) -> Response:
    """Show one campaign: how far it is, what it can do next, what happened, who got it."""
    campaign = sending.find_campaign(session, str(ref))
    wanted = state_of(state) if state else None
    rows: dict[str, Any] = {
        "campaign": campaign,
        "ledger": ledger_page(session, campaign.id, search=search, state=wanted, after=after),
        "states": list(DeliveryState),
        "search": search,
        "state": state,
        "after": after,
    }
    if is_fragment(request):
        return render(request, "admin/campaigns/rows.html", **rows)
    return render(
        request,
        "admin/campaigns/one.html",
        events=events_of(session, campaign.id)[::-1][:_LOG_LINES],
        failed=failed_table(session, campaign).records(),
        planned=planned_of(campaign),
        clicks=click_numbers(session, campaign.id) if counts_clicks(session, campaign.issue_id) else None,
        comparison=comparison_of(session, campaign.id),
        unreached=count_unreached(session, campaign.id) if CampaignState(campaign.state).is_over else 0,
        **(rows | progress(session, campaign)),
    )


@router.get("/admin/campaigns/{ref:int}/live")
def live(request: Request, session: Reading, ref: int, seen: str = "") -> Response:
    """Answer the poll of an open page; when the state is another one the whole page is asked for anew."""
    campaign = sending.find_campaign(session, str(ref))
    answer = render(request, "admin/campaigns/live.html", **progress(session, campaign))
    if campaign.state != seen:
        answer.headers["HX-Refresh"] = "true"
    return answer


@router.get("/admin/campaigns/{ref:int}/speed")
def how_fast(request: Request, session: Reading, ref: int) -> Response:
    """Answer with the chart alone, which the page asks for once it is shown: it may have to read the whole ledger."""
    campaign = sending.find_campaign(session, str(ref))
    return render(request, "admin/campaigns/speed.html", table=speed_table(session, campaign))


@router.post("/admin/campaigns/{ref:int}/pause")
def pause(request: Request, user: Editor, form: Form, session: Writing, ref: int) -> Response:
    """Stop before the next message."""
    campaign, reason = sending.find_campaign(session, str(ref)), _reason(form)
    now = container(request).clock.now()
    sending.pause(session, campaign, actor=user.email, reason=reason, now=now)
    _note(session, user.email, "campaign.pause", campaign, reason)
    return back_to(f"/admin/campaigns/{campaign.id}")


@router.post("/admin/campaigns/{ref:int}/resume")
def resume(request: Request, user: Editor, form: Form, session: Writing, ref: int) -> Response:
    """Go on where it stopped."""
    campaign, parts = sending.find_campaign(session, str(ref)), container(request)
    reason = " ".join(field(form, "reason", most=500).split())
    now = parts.clock.now()
    sending.resume(session, parts.queue, campaign, actor=user.email, reason=reason, now=now)
    _note(session, user.email, "campaign.resume", campaign, reason)
    return back_to(f"/admin/campaigns/{campaign.id}")


@router.post("/admin/campaigns/{ref:int}/release")
def release(request: Request, user: Editor, form: Form, session: Writing, ref: int) -> Response:
    """Note that somebody looked at a finished campaign whose brakes fired."""
    campaign, reason = sending.find_campaign(session, str(ref)), _reason(form)
    release_brakes(session, campaign, actor=user.email, reason=reason, now=container(request).clock.now())
    return back_to(f"/admin/campaigns/{campaign.id}")


@router.post("/admin/campaigns/{ref:int}/cancel")
def cancel(request: Request, user: Editor, form: Form, session: Writing, ref: int) -> Response:
    """End it for good, once the number of people was typed."""
    campaign, reason = sending.find_campaign(session, str(ref)), _reason(form)
    hold_typed(field(form, "typed"), field(form, "people"), "the number of people who will not get it")
    now = container(request).clock.now()
    sending.cancel(session, campaign, actor=user.email, reason=reason, now=now)
    _note(session, user.email, "campaign.cancel", campaign, reason)
    return back_to(f"/admin/campaigns/{campaign.id}")


def _reason(form: Form) -> str:
    reason = " ".join(field(form, "reason", most=500).split())
    if not reason:
        raise InvalidInput("Say why: the reason stays with the campaign.")
    return reason


def _note(session: Session, actor: str, action: str, campaign: Campaign, reason: str) -> None:
    audit.record(
        session, actor=actor, action=action, object=f"campaign {campaign.id}", details={"reason": reason}
    )


@router.get("/admin/campaigns/{ref:int}/deliveries.{ending}")
def download(
    request: Request, session: Reading, ref: int, ending: LedgerFormat, state: str = "", search: str = ""
) -> Response:
    """Give the ledger as a file, streamed: what the page's two fields leave of it."""
    campaign = sending.find_campaign(session, str(ref))
    wanted = state_of(state) if state else None
    name = f"campaign-{campaign.id}{'-' + wanted.word if wanted else ''}.{ending}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    lines = _ledger_lines(request, ref, ending, wanted, search)
    return StreamingResponse(lines, media_type=ending.media_type, headers=headers)


def _ledger_lines(
    request: Request, ref: int, ending: LedgerFormat, state: DeliveryState | None, prefix: str
) -> Iterator[str]:
    """Read in a session of its own: the request's is closed before a stream begins."""
    parts = container(request)
    with parts.reading_sessions() as session:
        campaign = sending.find_campaign(session, str(ref))
        yield from ending.lines(ledger_rows(session, campaign, parts.keyring, state=state, prefix=prefix))
