"""The links of a sent issue: who followed them, and the repair of one that leads nowhere."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from newsletter.delivery.control import campaigns as sending
from newsletter.delivery.control.link_models import Link
from newsletter.delivery.models import Campaign
from newsletter.feedback.engagement import reading
from newsletter.feedback.engagement.repairing import find_link, repair_link, repairs_of, undo_repair
from newsletter.web.deps import (
    Editor,
    Form,
    Reading,
    SignedInOnly,
    Writing,
    back_to,
    container,
    field,
    render,
)
from newsletter.web.security import hold_form_token

router = APIRouter(
    prefix="/admin/campaigns/{ref:int}/links",
    include_in_schema=False,
    dependencies=[SignedInOnly, Depends(hold_form_token)],
)


@router.get("")
def links(request: Request, session: Reading, ref: int, saved: str = "") -> Response:
    """Show every link with who followed it: people, uncertain, machines."""
    campaign = sending.find_campaign(session, str(ref))
    repairs = repairs_of(session, campaign.issue_id)
    return render(
        request,
        "admin/campaigns/links.html",
        campaign=campaign,
        links=reading.link_numbers(session, campaign.id, campaign.issue_id),
        clicks=reading.click_numbers(session, campaign.id),
        opens=reading.open_numbers(session, campaign.id),
        repairs=repairs,
        repaired_ids={link.id for _, link in repairs},
        saved=saved == "1",
    )


@router.post("/{link_id:int}/repair")
def repair(request: Request, user: Editor, form: Form, session: Writing, ref: int, link_id: int) -> Response:
    """Let a link lead elsewhere, in mail that was sent too."""
    campaign, link = _of(session, ref, link_id)
    now = container(request).clock.now()
    repair_link(session, link, field(form, "target", most=4000), actor=user.email, now=now)
    return back_to(f"/admin/campaigns/{campaign.id}/links?saved=1")


@router.post("/{link_id:int}/undo")
def undo(request: Request, user: Editor, session: Writing, ref: int, link_id: int) -> Response:
    """Take the last change of a link back."""
    campaign, link = _of(session, ref, link_id)
    undo_repair(session, link, actor=user.email, now=container(request).clock.now())
    return back_to(f"/admin/campaigns/{campaign.id}/links?saved=1")


def _of(session: Session, ref: int, link_id: int) -> tuple[Campaign, Link]:
    campaign = sending.find_campaign(session, str(ref))
    return campaign, find_link(session, link_id, issue_id=campaign.issue_id)
