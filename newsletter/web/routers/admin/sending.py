"""From the desk to the readers: test mail, review, approval, and the page that starts a campaign."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from newsletter.accounts import audit
from newsletter.db.session import unit_of_work
from newsletter.delivery.campaigns import start_campaign
from newsletter.delivery.oneoff import send_test
from newsletter.delivery.preflight import approve_checked
from newsletter.issues import service as issues
from newsletter.web.deps import Editor, EditorOnly, Form, Reading, Writing, back_to, container, field, render
from newsletter.web.routers.admin.desk import find
from newsletter.web.security import hold_form_token
from newsletter.web.views.plan import lists_for, make_plan, moment_of

router = APIRouter(
    prefix="/admin/issues/{issue_id}",
    include_in_schema=False,
    dependencies=[EditorOnly, Depends(hold_form_token)],
)


@router.post("/test")
def test_mail(request: Request, issue_id: int, user: Editor, form: Form, session: Reading) -> Response:
    """Send the issue as it is now to one address; no transaction waits for the relay's answer."""
    parts, to = container(request), field(form, "to", user.email, most=254)
    issue = find(session, issue_id)
    send_test(
        session, issue, to=to, room=parts.sending.room, target=parts.sending.target, now=parts.clock.now()
    )
    with unit_of_work(parts.sessions) as noting:
        audit.record(
            noting, actor=user.email, action="issue.test", object=issues.ref_of(issue), details={"to": to}
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
def sending(request: Request, issue_id: int, session: Reading, at: str = "") -> Response:
    """Choose who gets it and when; says how many people that is before anything happens."""
    issue, now = find(session, issue_id), container(request).clock.now()
    plan = make_plan(session, issue, request.query_params.getlist("list"), at[:40], now=now)
    return render(request, "admin/send.html", issue=issue, plan=plan, now=now)


@router.post("/send")
def start(request: Request, issue_id: int, user: Editor, form: Form, session: Writing) -> Response:
    """Start or schedule the campaign; the form's own key makes a second click harmless."""
    parts = container(request)
    issue = find(session, issue_id)
    wanted = set(form.getlist("list"))
    campaign = start_campaign(
        session,
        parts.queue,
        issue,
        [each for each in lists_for(session, issue) if each.slug in wanted],
        actor=user.email,
        at=moment_of(field(form, "at", most=40), issue.publication),
        request_key=field(form, "request_key", most=64) or None,
        now=parts.clock.now(),
    )
    session.flush()
    audit.record(session, actor=user.email, action="campaign.start", object=str(campaign.id))
    return back_to(f"/admin/campaigns/{campaign.id}")
