"""From the desk to the readers: test mail, review, approval, and the page that starts a campaign."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from newsletter.accounts import audit
from newsletter.audience.selection import count_members
from newsletter.db.session import unit_of_work
from newsletter.delivery.control.campaigns import start_campaign
from newsletter.delivery.control.links import keep_links_of
from newsletter.delivery.control.preflight import approve_checked
from newsletter.delivery.instance import must_be_home
from newsletter.delivery.oneoff import send_test
from newsletter.delivery.rehearsing.book import keep
from newsletter.delivery.rehearsing.rehearsal import rehearse
from newsletter.delivery.states import AmbiguousPolicy
from newsletter.errors import Forbidden, InvalidInput
from newsletter.issues import service as issues
from newsletter.web.deps import (
    Editor,
    EditorOnly,
    Form,
    Reading,
    SignedIn,
    Writing,
    back_to,
    container,
    field,
    render,
)
from newsletter.web.routers.admin.desk import find
from newsletter.web.security import hold_form_token
from newsletter.web.views.plan import lists_for, make_plan, moment_of, stage_of

#: A rehearsal on a page ends within seconds.
MOST_REHEARSED: Final = 50_000

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
    with unit_of_work(parts.sessions) as writing:
        keep_links_of(writing, find(writing, issue_id), parts.sending.room)
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
    must_be_home(session, parts.settings.instance_id)
    issue = find(session, issue_id)
    wanted = set(form.getlist("list"))
    campaign = start_campaign(
        session,
        parts.queue,
        issue,
        [each for each in lists_for(session, issue) if each.slug in wanted],
        actor=user.email,
        schedule=moment_of(field(form, "at", most=40), issue.publication),
        stage=stage_of(
            field(form, "stage", most=10), field(form, "hold", most=10), field(form, "seeds", most=2000)
        ),
        policy=_policy(field(form, "ambiguous", most=20)),
        has_brakes=_has_brakes(user, form),
        request_key=field(form, "request_key", most=64) or None,
        now=parts.clock.now(),
    )
    session.flush()
    audit.record(session, actor=user.email, action="campaign.start", object=str(campaign.id))
    return back_to(f"/admin/campaigns/{campaign.id}")


@router.post("/rehearse")
def rehearsal(request: Request, issue_id: int, user: Editor, form: Form, session: Reading) -> Response:
    """Write everybody's message and send none; a page that long lists would keep waiting is refused."""
    parts, issue = container(request), find(session, issue_id)
    wanted = set(form.getlist("list"))
    lists = [each for each in lists_for(session, issue) if each.slug in wanted]
    if count_members(session, [each.id for each in lists]) > MOST_REHEARSED:
        raise InvalidInput(
            f"So many people take minutes: run 'newsletter issue rehearse {issues.ref_of(issue)}'."
        )
    began, found = parts.clock.now(), rehearse(session, issue, lists, parts.sending.room)
    with unit_of_work(parts.sessions) as noting:
        keep(noting, issue, lists, found, actor=user.email, now=began)
        details = {"hash": found.hash, "people": found.people, "failed": found.failed}
        audit.record(noting, actor=user.email, action="issue.rehearse", object=found.issue, details=details)
    return render(request, "admin/rehearsed.html", issue=issue, found=found)


def _policy(given: str) -> AmbiguousPolicy:
    try:
        return AmbiguousPolicy(given or AmbiguousPolicy.HOLD)
    except ValueError:
        raise InvalidInput("Choose one of the answers on the page.") from None


def _has_brakes(user: SignedIn, form: Form) -> bool:
    """Say whether the brakes are on; only administrators send without, for proofs."""
    if not field(form, "no_brakes", most=5):
        return True
    if not user.is_admin:
        raise Forbidden("Only an administrator sends without brakes.")
    return False
