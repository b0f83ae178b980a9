"""The tray of returned mail: looked at safely, assigned, dismissed, undone; rules for each publication."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from newsletter.accounts.models import AuditEntry
from newsletter.audience.models import Subscription, Suppression
from newsletter.audience.suppressions import active_suppression
from newsletter.bootstrap import Container
from newsletter.clock import utcnow
from newsletter.db.session import unit_of_work
from newsletter.delivery.models import Delivery
from newsletter.feedback.models import FeedbackEntry, ReturnedMail
from newsletter.feedback.retention import empty_old_mail
from newsletter.feedback.service import apply_returned_mail, store_returned_mail
from tests.support.ledger import NOW, sent_to
from tests.support.returned_mail import delivery_report, plain_mail
from tests.support.signed_in import Browser

ROOM = "/admin/returned"
ADA = "ada@example.com"
HOSTILE = (
    b"From: =?utf-8?q?=3Cscript=3Ealert(1)=3C/script=3E?= <x@example.org>\r\n"
    b"Subject: <img src=x onerror=alert(1)>\xe2\x80\xae\r\nContent-Type: text/html; charset=nonsense\r\n\r\n"
    b"<script>alert(2)</script>\0\xff"
)


@pytest.fixture
def admin(container: Container) -> Browser:
    """An administrator; one issue went to Ada, and a report about her came that names nothing of ours."""
    with unit_of_work(container.sessions) as session:
        sent_to(session, ADA, at=utcnow())
    take_in(container, delivery_report(ADA, "5.1.1", "smtp; 550 5.1.1 User unknown"))
    return Browser(container, "admin")


def take_in(container: Container, raw: bytes, recipient: str = "abuse@example.com") -> int:
    now = container.clock.now()
    with unit_of_work(container.sessions) as session:
        stored = store_returned_mail(session, raw, recipient=recipient, came_by="lmtp", now=now)
        assert stored is not None
        apply_returned_mail(session, stored.id, keyring=container.keyring, now=now)
        return stored.id


def state_of(container: Container, mail_id: int = 1) -> str:
    with container.sessions() as session:
        return session.get_one(ReturnedMail, mail_id).state


def suppressed(container: Container) -> str:
    with container.sessions() as session:
        row = active_suppression(session, ADA)
        return "" if row is None else row.reason


def test_the_tray_shows_what_was_not_understood(admin: Browser) -> None:
    page = admin.page(ROOM)
    assert "abuse@example.com" in page
    assert "hard bounce" in page
    assert "No return path or message of ours is named in it." in page
    assert "Nothing was handled by hand yet." in admin.page(f"{ROOM}?pile=handled")
    assert "No ordinary mail came back." in admin.page(f"{ROOM}?pile=ordinary")


def test_the_guess_is_filled_in(admin: Browser) -> None:
    page = admin.page(f"{ROOM}/1")
    assert f'value="{ADA}"' in page
    assert 'value="hard" required checked' in page
    assert "550 5.1.1 User unknown" in page


def test_assigning_acts_as_if_the_mail_had_said_so(admin: Browser, container: Container) -> None:
    done = admin.send(f"{ROOM}/1/assign", email="Ada@Example.com", meaning="hard")
    assert "Assigned." in admin.page(done.headers["location"])
    assert (state_of(container), suppressed(container)) == ("assigned", "hard_bounce")
    again = admin.send(f"{ROOM}/1/assign", email=ADA, meaning="hard")
    assert again.status_code == 409
    admin.send(f"{ROOM}/1/undo")
    assert (state_of(container), suppressed(container)) == ("unmatched", "")
    with container.sessions() as session:
        assert session.scalars(select(FeedbackEntry)).all() == []
        actions = session.scalars(select(AuditEntry.action).where(AuditEntry.action.startswith("returned.")))
        assert actions.all() == ["returned.assign", "returned.undo"]


def test_a_complaint_assigned_by_mistake_is_taken_back_whole(admin: Browser, container: Container) -> None:
    admin.send(f"{ROOM}/1/assign", email=ADA, meaning="complaint")
    with container.sessions() as session:
        assert session.scalars(select(Subscription.state)).all() == ["unsubscribed"]
    admin.send(f"{ROOM}/1/undo")
    with container.sessions() as session:
        assert session.scalars(select(Subscription.state)).all() == ["confirmed"]
        lifted = session.scalars(select(Suppression)).one()
    assert lifted.lifted_reason == "the returned mail was assigned by mistake"


def test_undoing_leaves_what_was_there_before(admin: Browser, container: Container) -> None:
    with container.sessions() as session:
        delivery_id = session.scalars(select(Delivery.id)).one()
    address = f"b+{container.keyring.return_path.sign(delivery_id)}@bounces.example.com"
    take_in(container, delivery_report(ADA, "5.1.1", "smtp; 550 5.1.1 Gone"), address)
    done = admin.send(f"{ROOM}/1/assign", email=ADA, meaning="hard")
    assert "It was known already." in admin.page(done.headers["location"])
    admin.send(f"{ROOM}/1/undo")
    assert suppressed(container) == "hard_bounce"


def test_dismissed_mail_changes_nothing_and_comes_back(admin: Browser, container: Container) -> None:
    admin.send(f"{ROOM}/1/dismiss")
    assert (state_of(container), suppressed(container)) == ("dismissed", "")
    assert "abuse@example.com" in admin.page(f"{ROOM}?pile=handled")
    admin.send(f"{ROOM}/1/undo")
    assert state_of(container) == "unmatched"
    assert admin.send(f"{ROOM}/1/undo").status_code == 409


def test_wrong_words_are_refused(admin: Browser) -> None:
    assert admin.send(f"{ROOM}/1/assign", email="nobody@example.com", meaning="hard").status_code == 404
    assert admin.send(f"{ROOM}/1/assign", email="no address", meaning="hard").status_code == 422
    assert admin.send(f"{ROOM}/1/assign", email=ADA, meaning="everything").status_code == 422
    assert admin.send(f"{ROOM}/999/dismiss").status_code == 404


@pytest.mark.parametrize(
    "raw",
    [HOSTILE, b"", b"\0" * 5000, b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n" * 9000],
)
def test_hostile_mail_is_text(admin: Browser, container: Container, raw: bytes) -> None:
    mail_id = take_in(container, raw)
    page = admin.page(f"{ROOM}/{mail_id}")
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "\u202e" not in page
    assert "\0" not in page
    got = admin.get(f"{ROOM}/{mail_id}/message.eml")
    assert got.content == raw
    assert got.headers["content-disposition"].startswith("attachment")
    assert got.headers["x-content-type-options"] == "nosniff"


def test_only_administrators_act_or_download(admin: Browser, container: Container) -> None:
    editor = Browser(container, "editor")
    assert "550 5.1.1 User unknown" in editor.page(f"{ROOM}/1")
    assert "Assign" not in editor.page(f"{ROOM}/1")
    assert editor.send(f"{ROOM}/1/dismiss").status_code == 403
    assert editor.get(f"{ROOM}/1/message.eml").status_code == 403


def test_old_mail_is_emptied_and_still_known(admin: Browser, container: Container) -> None:
    raw = plain_mail("Ada <ada@example.com>", "Hello", "My telephone number is secret.")
    mail_id = take_in(container, raw)
    later = utcnow() + timedelta(days=91)
    with unit_of_work(container.sessions) as session:
        assert empty_old_mail(session, days=90, now=later) == 2
        assert empty_old_mail(session, days=90, now=later) == 0
        assert store_returned_mail(session, raw, recipient="abuse@example.com", now=NOW) is None
    assert "The text is gone." in admin.page(f"{ROOM}/{mail_id}")
    assert admin.get(f"{ROOM}/{mail_id}/message.eml").status_code == 404


def test_a_publication_gets_a_rule_of_its_own(admin: Browser) -> None:
    done = admin.send(f"{ROOM}/rules/p", count="3", over_days="7", forget_days="60")
    assert "Its own rule: 3 soft bounces over at least 7 days" in admin.page(done.headers["location"])
    assert admin.send(f"{ROOM}/rules/p", count="1", over_days="7", forget_days="60").status_code == 422
    assert admin.send(f"{ROOM}/rules/p", count="many", over_days="7", forget_days="60").status_code == 422
    done = admin.send(f"{ROOM}/rules/p/drop")
    assert "Its own rule" not in admin.page(done.headers["location"])


def test_a_long_pile_is_paged_by_url(admin: Browser, container: Container) -> None:
    for number in range(45):
        take_in(container, b"Subject: %d\r\n\r\nx" % number, f"b{number:02d}@example.com")
    first = admin.page(ROOM)
    assert "b44@example.com" in first
    assert "b04@example.com" not in first
    assert "before=" in first
    assert "b04@example.com" in admin.page(f"{ROOM}?pile=open&before=7")
