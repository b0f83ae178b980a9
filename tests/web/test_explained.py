"""Why somebody gets nothing, on their page: because of what, said by whom, when; lifted there, with a reason."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from newsletter.accounts.models import AuditEntry
from newsletter.audience.suppressions import active_suppression, suppress
from newsletter.bootstrap import Container
from newsletter.clock import utcnow
from newsletter.db.session import unit_of_work
from newsletter.delivery.models import Delivery
from newsletter.feedback.reporter import reporter_of
from newsletter.feedback.service import Event, apply_event, apply_rejections, apply_returned_mail, take_in
from tests.support.ledger import sent_to
from tests.support.returned_mail import complaint, delivery_report
from tests.support.signed_in import Browser

ADA = "ada@example.com"
PAGE = "/admin/subscribers/1"


@pytest.fixture
def admin(container: Container) -> Browser:
    """An administrator; one issue went to Ada."""
    with unit_of_work(container.sessions) as session:
        sent_to(session, ADA, at=utcnow())
    return Browser(container, "admin")


def come_back(container: Container, raw: bytes) -> None:
    address = f"b+{container.keyring.return_path.sign(1)}@bounces.example.com"
    now = container.clock.now()
    with unit_of_work(container.sessions) as session:
        mail = take_in(session, container.queue, raw, recipient=address, now=now)
        assert mail is not None
        apply_returned_mail(session, mail.id, keyring=container.keyring, now=now)


def sentence(page: str) -> str:
    """Return why, as a person reads it."""
    found = re.search(r"<p>(Suppressed because.*?)</p>", page, re.DOTALL)
    return "" if found is None else re.sub(r"<[^>]+>", "", found[1])


def test_a_hard_bounce_is_explained_lifted_and_stays_lifted(admin: Browser, container: Container) -> None:
    report = delivery_report(ADA, "5.1.1", "smtp; 550 5.1.1 User unknown")
    come_back(container, report)
    page = admin.page(PAGE)
    assert sentence(page).startswith(
        "Suppressed because the mailbox does not exist, said by mx.example.com, on "
    )
    assert "550 5.1.1 User unknown" in page
    assert "<dd>1 <span>hard</span> 0 <span>soft</span></dd>" in page
    assert admin.send("/admin/suppressions/1/lift", reason="", back=PAGE).status_code == 422
    done = admin.send("/admin/suppressions/1/lift", reason="She telephoned: it works.", back=PAGE)
    assert done.headers["location"] == f"{PAGE}?told=lifted"
    assert "Lifted." in admin.page(done.headers["location"])
    come_back(container, report + b"once more, after a week\r\n")
    assert sentence(admin.page(PAGE)) == ""
    with container.sessions() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "suppression.lift")).one()
    assert entry.details == {"reason": "She telephoned: it works."}


def test_a_refusal_at_send_time_is_explained(admin: Browser, container: Container) -> None:
    with unit_of_work(container.sessions) as session:
        delivery = session.scalars(select(Delivery)).one()
        delivery.bounce, delivery.reason, delivery.response = "hard", "dead", "550 No such person"
        session.flush()
        apply_rejections(session, delivery.campaign_id, utcnow())
    said = sentence(admin.page(PAGE))
    assert "the mailbox does not exist, said by the server that was handed the mail, on " in said


def test_a_complaint_is_explained(admin: Browser, container: Container) -> None:
    come_back(container, complaint(ADA))
    assert "its owner marked a mail as spam, said by a mail that came back" in sentence(admin.page(PAGE))


def test_soft_bounces_are_counted_for_all_to_see(admin: Browser, container: Container) -> None:
    begun = utcnow() - timedelta(weeks=5)
    for week in range(4):
        soften(container, begun + timedelta(weeks=week))
    page = admin.page(PAGE)
    assert "<b>4 messages</b> that count" in page
    assert "suppressed at 5 over 14 days" in page
    soften(container, begun + timedelta(weeks=4))
    said = sentence(admin.page(PAGE))
    assert "mail to it kept failing: 5 temporary failures over 28 days" in said


def soften(container: Container, at: datetime) -> None:
    with unit_of_work(container.sessions) as session:
        [delivery] = sent_to(session, ADA, at=at)
        event = Event("bounced", at, "mail", kind="soft", reason="full", said_by="mx.example.com")
        apply_event(session, delivery, event, at)


def test_a_suppression_by_hand_names_who(admin: Browser, container: Container) -> None:
    with unit_of_work(container.sessions) as session:
        suppress(
            session,
            ADA,
            reason="manual",
            source="web",
            detail="asked by letter",
            actor="bo@example.com",
            now=utcnow(),
        )
    page = admin.page(PAGE)
    assert "somebody here decided so, said by bo@example.com" in sentence(page)
    assert "asked by letter" in page


def test_lifting_goes_back_to_no_other_site(admin: Browser, container: Container) -> None:
    with unit_of_work(container.sessions) as session:
        suppress(session, ADA, reason="manual", source="web", now=utcnow())
        assert active_suppression(session, ADA) is not None
    done = admin.send("/admin/suppressions/1/lift", reason="x", back="//evil.example.org/")
    assert done.headers["location"] == "/admin/suppressions?told=lifted"


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"Reporting-MTA: dns; mx.example.com\r\nRemote-MTA: DNS; far.example.org\r\n", "far.example.org"),
        (b"Reporting-MTA: dns;mx.example.com\n", "mx.example.com"),
        (b"Reporting-MTA: dns; <script>", ""),
        (b"nothing", ""),
    ],
)
def test_the_reporting_server_is_found(raw: bytes, name: str) -> None:
    assert reporter_of(raw) == name
