"""Accounts at providers in the browser: added, set up, tried, rotated, removed; what is secret and for whom."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from newsletter.accounts.models import AuditEntry
from newsletter.bootstrap import Container
from newsletter.db.session import unit_of_work
from newsletter.delivery.relays.service import add_relay
from newsletter.feedback.webhooks import accounts, sealed
from newsletter.feedback.webhooks.models import ProviderAccount, ProviderRequest
from newsletter.feedback.webhooks.receiving import note_refusal
from newsletter.feedback.webhooks.request import Refused
from tests.support.ledger import sent_to
from tests.support.rooms import HOSTILE
from tests.support.signed_in import Browser
from tests.support.sns_messages import TOPIC

ROOM = "/admin/sending/providers"


@pytest.fixture
def admin(container: Container) -> Browser:
    """An administrator of an installation from which one mail went out."""
    with unit_of_work(container.sessions) as session:
        sent_to(session, "ada@example.com")
    return Browser(container, "admin")


def account(container: Container, name: str) -> ProviderAccount:
    with container.reading_sessions() as session:
        return accounts.get_account(session, name)


def test_an_empty_room_says_what_it_is_for(admin: Browser) -> None:
    page = admin.page(ROOM)
    assert "No provider tells you anything yet." in page
    assert "Amazon SES" in page


def test_an_account_without_a_signature_gets_user_and_password(admin: Browser, container: Container) -> None:
    added = admin.send(ROOM, name="main", provider="postmark", relay="default", signing="", topics="")
    page = admin.page(added.headers["location"])
    assert "Added." in page
    entered = sealed.entered_at_provider(
        container.sealer, account(container, "main"), container.settings.base_url
    )
    for value in entered.values():
        assert f'value="{value}"' in page
    assert "X-PM-Metadata-newsletter" in page
    assert "nothing came yet" in admin.page(ROOM)
    seen = Browser(container, "viewer").page(f"{ROOM}/main")
    assert entered["password"] not in seen
    assert entered["address"] not in seen
    assert "What came" in seen


def test_the_password_is_not_shown_once_it_works(admin: Browser, container: Container) -> None:
    admin.send(ROOM, name="main", provider="postmark")
    with unit_of_work(container.sessions) as session:
        accounts.get_account(session, "main").last_event_at = container.clock.now()
    before = sealed.opened(container.sealer, account(container, "main")).passwords[0]
    assert before not in admin.page(f"{ROOM}/main")
    page = admin.page(admin.send(f"{ROOM}/main/rotate").headers["location"])
    new, old = sealed.opened(container.sealer, account(container, "main")).passwords
    assert old == before
    assert new in page
    assert "Two are valid now." in page
    page = admin.page(admin.send(f"{ROOM}/main/retire").headers["location"])
    assert new not in page
    assert sealed.opened(container.sealer, account(container, "main")).passwords == (new,)


def test_a_signing_secret_is_taken_and_never_shown(admin: Browser, container: Container) -> None:
    admin.send(ROOM, name="main", provider="mailgun")
    assert "signs its requests" in admin.page(f"{ROOM}/main")
    for secret in ("first secret key", "second secret key"):
        page = admin.page(admin.send(f"{ROOM}/main/signing", signing=secret).headers["location"])
        assert "Taken." in page
        assert secret not in page
    signing = sealed.opened(container.sealer, account(container, "main")).signing
    assert signing == ("second secret key", "first secret key")
    assert admin.send(f"{ROOM}/main/signing", signing="").status_code == 422
    assert b"secret key" not in account(container, "main").sealed


def test_topics_of_sns(admin: Browser, container: Container) -> None:
    admin.send(ROOM, name="ses", provider="amazon_ses")
    assert "Nothing is taken from here yet" in admin.page(f"{ROOM}/ses")
    assert "not ready" in admin.page(ROOM)
    assert admin.send(f"{ROOM}/ses/topics", topics="https://example.com").status_code == 422
    assert "Saved." in admin.page(admin.send(f"{ROOM}/ses/topics", topics=TOPIC).headers["location"])
    with unit_of_work(container.sessions) as session:
        sealed.keep_link(
            accounts.get_account(session, "ses"),
            container.sealer,
            TOPIC,
            "https://sns.eu-central-1.amazonaws.com/?Token=1",
        )
    page = admin.page(f"{ROOM}/ses")
    assert 'href="https://sns.eu-central-1.amazonaws.com/?Token=1"' in page
    assert "to be confirmed" in admin.page(ROOM)
    assert "Token=1" not in Browser(container, "viewer").page(f"{ROOM}/ses")


def test_a_body_is_tried_and_changes_nothing(admin: Browser, container: Container) -> None:
    admin.send(ROOM, name="main", provider="sendgrid")
    token = container.keyring.message_id.sign(1)
    events = [
        {
            "event": "bounce",
            "email": "ada@example.com",
            "reason": "550 5.1.1 No such user",
            "newsletter_token": token,
        },
        {"event": HOSTILE, "email": HOSTILE},
    ]
    page = admin.send(f"{ROOM}/main/try", body=json.dumps(events)).text
    assert "It tells of 2 events" in page
    assert "bounced, hard, dead" in page
    assert "message 1 of campaign 1" in page
    assert "no message of ours" in page
    assert HOSTILE not in page
    assert "no array" in admin.send(f"{ROOM}/main/try", body="{}").text
    assert "no event" in admin.send(f"{ROOM}/main/try", body="[]").text
    with container.reading_sessions() as session:
        assert session.scalars(select(ProviderRequest)).all() == []


def test_refusals_and_what_could_not_be_read_are_shown(admin: Browser, container: Container) -> None:
    admin.send(ROOM, name="main", provider="postmark")
    now = container.clock.now()
    with unit_of_work(container.sessions) as session:
        row = accounts.get_account(session, "main")
        note_refusal(session, row.id, Refused("The signature is missing or wrong.", 401), now)
        session.add(
            ProviderRequest(
                account_id=row.id, digest="1", headers={}, body=HOSTILE.encode(), state="failed", note="boom"
            )
        )
    page = admin.page(f"{ROOM}/main")
    assert "The signature is missing or wrong." in page
    assert "boom" in page
    assert HOSTILE not in page
    assert "1 request not read" in admin.page(ROOM)
    assert "boom" not in Browser(container, "viewer").page(f"{ROOM}/main")


def test_an_account_belongs_to_a_relay_that_is_there(admin: Browser, container: Container) -> None:
    with unit_of_work(container.sessions) as session:
        add_relay(session, container.sealer, "post", "smtps://mail.example.com", actor="admin")
    assert admin.send(ROOM, name="main", provider="brevo", relay="nowhere").status_code == 404
    admin.send(ROOM, name="main", provider="brevo", relay="post")
    assert 'href="/admin/sending/relays/post"' in admin.page(f"{ROOM}/main")


def test_removing_forgets_and_is_noted(admin: Browser, container: Container) -> None:
    admin.send(ROOM, name="main", provider="brevo")
    assert "Removed." in admin.page(admin.send(f"{ROOM}/main/remove").headers["location"])
    assert admin.get(f"{ROOM}/main").status_code == 404
    with container.reading_sessions() as session:
        actions = list(
            session.scalars(select(AuditEntry.action).where(AuditEntry.action.startswith("provider.")))
        )
    assert actions == ["provider.add", "provider.remove"]


def test_only_administrators_change_accounts(admin: Browser, container: Container) -> None:
    admin.send(ROOM, name="main", provider="postmark")
    editor = Browser(container, "editor")
    for path in (
        "",
        "/main/signing",
        "/main/rotate",
        "/main/retire",
        "/main/topics",
        "/main/remove",
        "/main/try",
    ):
        assert editor.send(ROOM + path, name="other", provider="postmark", body="{}").status_code == 403, path
    assert [row.name for row in _accounts(container)] == ["main"]


def _accounts(container: Container) -> list[ProviderAccount]:
    with container.reading_sessions() as session:
        return accounts.list_accounts(session)
