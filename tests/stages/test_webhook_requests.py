"""Requests of providers kept and applied: whom they are about, that again is nothing, and what order does not matter (X14)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.adapters.sns_certificates import SnsCertificates
from newsletter.audience.models import Subscription
from newsletter.audience.suppressions import active_suppression
from newsletter.db.session import Sessions, unit_of_work
from newsletter.delivery.models import Delivery
from newsletter.delivery.relays.service import add_relay
from newsletter.delivery.states import DeliveryState
from newsletter.feedback.erasure import erase_person
from newsletter.feedback.models import FeedbackEntry
from newsletter.feedback.service import sweep_feedback
from newsletter.feedback.webhooks import accounts, keeping, sealed
from newsletter.feedback.webhooks.models import ProviderAccount, ProviderEvent, ProviderRequest
from newsletter.feedback.webhooks.processing import AT_ONCE, apply_request, mark_failed
from newsletter.feedback.webhooks.receiving import Doorkeeper, note_refusal, take_request
from newsletter.feedback.webhooks.request import Refused, WebhookRequest
from newsletter.rendering.tokens import Keyring
from newsletter.sealing import Sealer
from tests.conftest import RecordingQueue
from tests.support import sns_messages as sns
from tests.support.ledger import NOW, sent_to
from tests.support.provider_requests import BY_NAME, SAMPLES, Sample

SECRET = b"a secret for tests, long enough"
KEYRING, SEALER = Keyring(SECRET), Sealer(SECRET)
ADA = "ada@example.com"
every_provider = pytest.mark.parametrize("sample", SAMPLES, ids=lambda each: each.provider)


@pytest.fixture
def session(sessions: Sessions) -> Iterator[Session]:
    """A database in which one issue went to Ada."""
    with sessions() as session:
        sent_to(session, ADA)
        session.commit()
        yield session


@pytest.fixture
def queue() -> RecordingQueue:
    return RecordingQueue()


@pytest.fixture
def keeper(queue: RecordingQueue) -> Doorkeeper:
    certificates = SnsCertificates(sns.web().fetch, [sns.root().certificate])
    return Doorkeeper(SEALER, queue, "https://news.example.com", certificates)


def account_for(
    session: Session, sample: Sample, name: str = "main", relay: str = "default"
) -> ProviderAccount:
    """Add an account whose secrets are those that the samples are signed with."""
    signing = sample.secret("first") if sample.sign else ""
    row = accounts.add_account(
        session, SEALER, name, sample.provider, relay=relay, signing=signing, actor="admin", now=NOW
    )
    made = sealed.opened(SEALER, row)
    known = replace(made, path="a-path-of-tests-for-" + name, passwords=("open sesame",))
    row.sealed = SEALER.seal(known.to_bytes(), f"provider/{name}/secrets")
    session.flush()
    return row


def brought(sample: Sample, *words: str, key: str = "first", to: str = "main") -> WebhookRequest:
    """Return a request about Ada's mail as it comes to an account."""
    return sample.request(*words, token=KEYRING.message_id.sign(1), key=key, url=address(sample, to))


def address(sample: Sample, name: str) -> str:
    return f"https://news.example.com/webhooks/{sample.provider}/a-path-of-tests-for-{name}"


def take(session: Session, keeper: Doorkeeper, row: ProviderAccount, request: WebhookRequest) -> bool:
    """Take a request in and apply it."""
    is_new = take_request(session, keeper, row, request, NOW)
    waiting = session.scalars(select(ProviderRequest.id).where(ProviderRequest.state == "new")).all()
    for request_id in waiting:
        while apply_request(session, request_id, keyring=KEYRING, now=NOW):
            pass
    session.flush()
    return is_new


def entries(session: Session) -> list[tuple[str, str | None]]:
    return [(row.word, row.kind) for row in session.scalars(select(FeedbackEntry).order_by(FeedbackEntry.id))]


def outcomes(session: Session) -> list[str]:
    return list(session.scalars(select(ProviderEvent.outcome).order_by(ProviderEvent.id)))


@every_provider
def test_a_dead_address_is_suppressed(session: Session, keeper: Doorkeeper, sample: Sample) -> None:
    row = account_for(session, sample)
    assert take(session, keeper, row, brought(sample, "bounced"))
    kind = None if sample.provider == "postal" else "hard"  # Postal does not say
    assert entries(session) == [("bounced", kind)]
    entry = session.scalars(select(FeedbackEntry)).one()
    assert (entry.source, entry.address_key) == (sample.provider, ADA)
    assert (active_suppression(session, ADA) is not None) == (kind == "hard")
    assert row.last_event_at == NOW


@every_provider
def test_the_same_request_a_thousand_times_is_nothing_new(
    session: Session, keeper: Doorkeeper, sample: Sample
) -> None:
    row, request = account_for(session, sample), brought(sample, "bounced")
    assert [
        take(session, keeper, row, request) for _ in range(1000 if sample.provider == "mailjet" else 20)
    ].count(True) == 1
    assert len(entries(session)) == 1
    assert outcomes(session) == ["applied"]


@every_provider
def test_an_unknown_word_is_kept_as_unknown(session: Session, keeper: Doorkeeper, sample: Sample) -> None:
    take(session, keeper, account_for(session, sample), brought(sample, "unknown"))
    event = session.scalars(select(ProviderEvent)).one()
    assert (event.word, event.outcome) == ("unknown", "unknown")
    assert event.told.lower().startswith(("new", "email.new"))
    assert entries(session) == []


@every_provider
def test_an_event_without_our_token_changes_nothing(
    session: Session, keeper: Doorkeeper, sample: Sample
) -> None:
    row = account_for(session, sample)
    forged = Keyring(b"another secret, long enough").message_id.sign(1)
    for token in ("", forged, "a" * 39):
        take(session, keeper, row, sample.request("bounced", token=token, url=address(sample, "main")))
    assert set(outcomes(session)) == {"unmatched"}
    assert entries(session) == []
    assert active_suppression(session, ADA) is None


@every_provider
def test_an_event_of_another_account_changes_nothing(
    session: Session, keeper: Doorkeeper, sample: Sample
) -> None:
    """W2: authentic, but our mail did not go through that account's relay."""
    add_relay(session, SEALER, "post", "smtps://mail.example.com", actor="admin")
    add_relay(
        session, SEALER, "other", "smtps://mail.example.org", actor="admin", from_domains=["example.org"]
    )
    mine = account_for(session, sample, "main", "post")
    other = account_for(session, sample, "other", "other")
    fallback = account_for(session, sample, "fallback", "default")
    for row in (other, fallback):
        take(session, keeper, row, brought(sample, "bounced", to=row.name))
    assert outcomes(session) == ["foreign", "foreign"]
    assert entries(session) == []
    take(session, keeper, mine, brought(sample, "bounced"))
    assert len(entries(session)) == 1


@every_provider
def test_old_and_new_secret_are_valid_until_the_old_one_is_retired(
    session: Session, keeper: Doorkeeper, sample: Sample
) -> None:
    row = account_for(session, sample)
    if sample.sign:
        accounts.set_signing(session, SEALER, row, sample.secret("second"), actor="admin")
        assert take_request(
            session,
            keeper,
            row,
            brought(sample, "delivered" if "delivered" in sample.words else "opened", key="second"),
            NOW,
        )
    else:
        accounts.rotate(session, SEALER, row, actor="admin")
    assert take_request(session, keeper, row, brought(sample, "bounced"), NOW)
    accounts.retire(session, SEALER, row, actor="admin")
    with pytest.raises(Refused):
        take_request(session, keeper, row, brought(sample, "opened"), NOW)


def test_ses_brings_a_bounce_and_asks_for_a_subscription(session: Session, keeper: Doorkeeper) -> None:
    row = accounts.add_account(
        session, SEALER, "ses", "amazon_ses", topics=[sns.TOPIC], actor="admin", now=NOW
    )
    asking = sns.message(
        "Please confirm.",
        Type="SubscriptionConfirmation",
        Token="0123abcdef",
        SubscribeURL="https://example.com/",
    )
    assert take_request(session, keeper, row, sns.request(sns.signed(asking)), NOW)
    assert row.pending_topic == sns.TOPIC
    assert sealed.link_of(SEALER, row).startswith(
        "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription"
    )
    bounce = sns.signed(sns.message(sns.bounce(KEYRING.message_id.sign(1))))
    take(session, keeper, row, sns.request(bounce))
    assert entries(session) == [("bounced", "hard")]
    assert row.pending_topic == ""
    again = sns.signed(sns.message(sns.bounce(KEYRING.message_id.sign(1)), MessageId="another"))
    take(session, keeper, row, sns.request(again))
    assert outcomes(session) == ["applied"]


def test_our_return_path_and_list_unsubscribe_name_the_delivery_too(
    session: Session, keeper: Doorkeeper
) -> None:
    row = accounts.add_account(
        session, SEALER, "ses", "amazon_ses", topics=[sns.TOPIC], actor="admin", now=NOW
    )
    event = sns.bounce()
    event["mail"]["source"] = f"b+{KEYRING.return_path.sign(1)}@bounces.example.com"
    take(session, keeper, row, sns.request(sns.signed(sns.message(event))))
    event = sns.bounce()
    event["mail"]["headers"] = [
        {"name": "List-Unsubscribe", "value": f"<https://news.example.com/u/{KEYRING.recipient.sign(1)}>"}
    ]
    event["bounce"]["feedbackId"] = "feedback-2"
    take(session, keeper, row, sns.request(sns.signed(sns.message(event, MessageId="2"))))
    assert outcomes(session) == ["applied", "applied"]


def test_complaints_and_wishes_to_leave_end_memberships(session: Session, keeper: Doorkeeper) -> None:
    sample = BY_NAME["sendgrid"]
    row = account_for(session, sample)
    take(session, keeper, row, brought(sample, "unsubscribed"))
    assert session.scalars(select(Subscription.state)).one() == "unsubscribed"
    take(session, keeper, row, brought(sample, "complained"))
    suppression = active_suppression(session, ADA)
    assert suppression is not None
    assert suppression.reason == "complaint"


def test_a_wish_to_leave_that_is_replayed_does_not_undo_coming_back(
    session: Session, keeper: Doorkeeper
) -> None:
    sample = BY_NAME["mailjet"]
    row, request = account_for(session, sample), brought(sample, "unsubscribed")
    take(session, keeper, row, request)
    session.scalars(select(Subscription)).one().state = "confirmed"
    take(session, keeper, row, request)
    take(session, keeper, row, replace(request, body=request.body + b" "))  # another body, the same event
    assert session.scalars(select(Subscription.state)).one() == "confirmed"
    assert outcomes(session) == ["applied"]


def test_a_signature_of_mailgun_is_good_for_one_request(session: Session, keeper: Doorkeeper) -> None:
    """It does not cover the body: whoever saw one must not write others with it."""
    sample = BY_NAME["mailgun"]
    row, request = account_for(session, sample), brought(sample, "delivered")
    assert take(session, keeper, row, request)
    forged = replace(request, body=request.body.replace(b'"event": "delivered"', b'"event": "complained"'))
    assert not take(session, keeper, row, forged)
    assert entries(session) == [("delivered", None)]


def test_what_the_ledger_knows_is_no_news_but_settles_what_it_does_not(
    session: Session, keeper: Doorkeeper
) -> None:
    sample = BY_NAME["sendgrid"]
    sent = replace(sample, words={**sample.words, "queued": "processed"})
    row = account_for(session, sample)
    take(session, keeper, row, brought(sent, "queued"))
    assert outcomes(session) == ["known"]
    delivery = session.scalars(select(Delivery)).one()
    delivery.state = int(DeliveryState.AMBIGUOUS)
    session.flush()
    request = sent.signed(
        replace(brought(sent, "queued"), body=brought(sent, "queued").body.replace(b"id-processed", b"id-2"))
    )
    take(session, keeper, row, request)
    session.refresh(delivery)
    assert delivery.state == DeliveryState.SENT


def test_a_long_request_is_applied_in_parts(session: Session, keeper: Doorkeeper) -> None:
    sample = BY_NAME["sendgrid"]
    row, token = account_for(session, sample), KEYRING.message_id.sign(1)
    events = [
        {**sample.event("open", token), "sg_event_id": f"e{number}"} for number in range(AT_ONCE * 2 + 1)
    ]
    request = sample.signed(replace(sample.request(), body=_json(events)))
    assert take_request(session, keeper, row, request, NOW)
    request_id = session.scalars(select(ProviderRequest.id)).one()
    turns = 0
    while apply_request(session, request_id, keyring=KEYRING, now=NOW):
        turns += 1
    assert turns == 2
    assert len(outcomes(session)) == AT_ONCE * 2 + 1
    assert apply_request(session, request_id, keyring=KEYRING, now=NOW) is False


def _json(value: object) -> bytes:
    import json

    return json.dumps(value, separators=(",", ":")).encode()


def test_a_job_is_asked_for_after_the_commit_and_again_when_it_was_lost(
    sessions: Sessions, keeper: Doorkeeper, queue: RecordingQueue
) -> None:
    sample = BY_NAME["postmark"]
    with unit_of_work(sessions) as session:
        sent_to(session, ADA)
        row = account_for(session, sample)
        take_request(session, keeper, row, brought(sample, "bounced"), NOW)
        assert queue.jobs == []
    assert queue.jobs == [("feedback.apply_provider_request", {"request_id": 1})]
    with unit_of_work(sessions) as session:
        sweep_feedback(session, queue, NOW + timedelta(minutes=2))
    assert queue.jobs[1:] == queue.jobs[:1]


def test_a_request_that_cannot_be_applied_is_put_aside(session: Session, keeper: Doorkeeper) -> None:
    sample = BY_NAME["postmark"]
    take_request(session, keeper, account_for(session, sample), brought(sample, "bounced"), NOW)
    mark_failed(session, 1, "boom", now=NOW)
    assert apply_request(session, 1, keyring=KEYRING, now=NOW) is False
    assert session.scalars(select(ProviderRequest.note)).one() == "boom"


def test_credentials_are_not_kept(session: Session, keeper: Doorkeeper) -> None:
    for sample in SAMPLES:
        row = account_for(session, sample, sample.provider.replace("_", "-"))
        take_request(session, keeper, row, brought(sample, "bounced", to=row.name), NOW)
        kept = session.scalars(select(ProviderRequest).order_by(ProviderRequest.id.desc())).first()
        assert kept is not None
        assert not {"authorization", "signature"} & set(kept.headers)
        assert b"open sesame" not in row.sealed


def test_refusals_are_noted_once_a_minute(session: Session) -> None:
    row = account_for(session, BY_NAME["postmark"])
    for seconds, words in ((0, "first"), (30, "second"), (61, "third")):
        note_refusal(session, row.id, Refused(words), NOW + timedelta(seconds=seconds))
        session.refresh(row)
        assert row.last_refusal == ("third" if seconds == 61 else "first")


def test_old_requests_are_emptied_and_then_forgotten(session: Session, keeper: Doorkeeper) -> None:
    sample = BY_NAME["postmark"]
    take(session, keeper, account_for(session, sample), brought(sample, "bounced"))
    keeping.tidy(session, NOW + timedelta(days=29))
    assert session.scalars(select(ProviderRequest.body)).one() != b""
    keeping.tidy(session, NOW + timedelta(days=31))
    assert session.scalars(select(ProviderRequest.body)).one() == b""
    keeping.tidy(session, NOW + timedelta(days=181))
    assert session.scalars(select(ProviderRequest)).all() == []
    assert len(entries(session)) == 1


def test_a_person_who_is_erased_stays_in_no_request(session: Session, keeper: Doorkeeper) -> None:
    sample = BY_NAME["postmark"]
    take(session, keeper, account_for(session, sample), brought(sample, "bounced"))
    erase_person(session, ADA, secret=SECRET, actor="admin", now=NOW)
    assert session.scalars(select(ProviderRequest.body)).one() == b""
