"""From the desk to the readers: test mail, review, approval, and the page that starts a campaign."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.responses import Response

from newsletter.accounts import audit
from newsletter.audience.models import MailingList
from newsletter.audience.selection import count_members
from newsletter.audience.service import list_lists
from newsletter.delivery.campaigns import start_campaign
from newsletter.delivery.oneoff import send_test
from newsletter.delivery.preflight import approve_checked
from newsletter.errors import InvalidInput
from newsletter.issues import service as issues
from newsletter.issues.models import Issue
from newsletter.web.deps import Editor, EditorOnly, Form, Reading, Writing, back_to, container, field, render
from newsletter.web.routers.admin.desk import find
from newsletter.web.security import hold_form_token

router = APIRouter(
    prefix="/admin/issues/{issue_id}",
    include_in_schema=False,
    dependencies=[EditorOnly, Depends(hold_form_token)],
)


@router.post("/test")
def test_mail(request: Request, issue_id: int, user: Editor, form: Form, session: Writing) -> Response:
    """Send the issue as it is now to one address."""
    parts = container(request)
    issue, to = find(session, issue_id), field(form, "to", user.email, most=254)
    send_test(
        session, issue, to=to, room=parts.sending.room, target=parts.sending.target, now=parts.clock.now()
    )
    audit.record(
        session, actor=user.email, action="issue.test", object=issues.ref_of(issue), details={"to": to}
    )
    return render(request, "admin/test_sent.html", issue=issue, to=to)


@router.post("/review")
def request_review(issue_id: int, user: Editor, session: Writing) -> Response:
    """Ask somebody else to look."""
    issue = find(session, issue_id)
    issues.request_review(session, issue)
    audit.record(session, actor=user.email, action="issue.review", object=issues.ref_of(issue))
    return back_to(f"/admin/issues/{issue_id}")


@router.post("/approve")
def approve(request: Request, issue_id: int, user: Editor, session: Writing) -> Response:
    """Approve the issue as it is now; refused while a check blocks."""
    issue = find(session, issue_id)
    approve_checked(session, issue, actor=user.email, base_url=container(request).settings.base_url)
    audit.record(session, actor=user.email, action="issue.approve", object=issues.ref_of(issue))
    return back_to(f"/admin/issues/{issue_id}/send")


@router.get("/send")
def sending(request: Request, issue_id: int, session: Reading) -> Response:
    """Choose who gets it and when; says how many people that is before anything happens."""
    issue = find(session, issue_id)
    lists = [(each, count_members(session, [each.id])) for each in _lists(session, issue)]
    return render(request, "admin/send.html", issue=issue, lists=lists, now=container(request).clock.now())


def _lists(session: Session, issue: Issue) -> list[MailingList]:
    """The publication's own lists, and those of no publication."""
    return [each for each in list_lists(session) if each.publication_id in (None, issue.publication_id)]


@router.post("/send")
def start(request: Request, issue_id: int, user: Editor, form: Form, session: Writing) -> Response:
    """Start or schedule the campaign; the form's own key makes a second click harmless."""
    parts = container(request)
    issue = find(session, issue_id)
    wanted = set(form.getlist("list"))
    chosen = [each for each in _lists(session, issue) if each.slug in wanted]
    campaign = start_campaign(
        session,
        parts.queue,
        issue,
        chosen,
        actor=user.email,
        at=_moment(form, issue),
        request_key=field(form, "request_key", most=64) or None,
        now=parts.clock.now(),
    )
    session.flush()
    audit.record(session, actor=user.email, action="campaign.start", object=str(campaign.id))
    return back_to(f"/admin/campaigns/{campaign.id}")


def _moment(form: FormData, issue: Issue) -> datetime | None:
    """Return when to send by the publication's clock; None is now.

    :raises InvalidInput: for something that is no time.
    """
    given = field(form, "at", most=40)
    if not given:
        return None
    try:
        return datetime.fromisoformat(given).replace(tzinfo=ZoneInfo(issue.publication.time_zone))
    except ValueError:
        raise InvalidInput("This is no date and time: write it like 2026-12-24T09:00.") from None
