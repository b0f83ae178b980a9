"""Joining, confirming, leaving, coming back; suppressions and erasure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.audience import service
from newsletter.audience.consent import Evidence, wording_hash
from newsletter.audience.models import Consent, MailingList, Subscriber, Subscription, Suppression
from newsletter.audience.selection import members
from newsletter.audience.suppressions import active_suppression, lift, suppress
from newsletter.db.session import Sessions, unit_of_work
from newsletter.errors import Conflict, InvalidInput, NotFound
from tests.conftest import RecordingQueue

NOW = datetime(2026, 5, 1, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
FORM = Evidence("form", wording="Send me the letter.", ip="192.0.2.1", user_agent="Browser")
SECRET = b"a secret for tests, long enough"


@pytest.fixture
def session(sessions: Sessions) -> Iterator[Session]:
    with sessions() as session:
        yield session
        session.rollback()


@pytest.fixture
def readers(session: Session) -> MailingList:
    return service.create_list(session, slug="readers", name="Readers")


def ask(
    session: Session, to: MailingList, email: str = "ada@example.com", now: datetime = NOW
) -> Subscription | None:
    queue = RecordingQueue()
    row = service.subscribe(session, queue, email, to, evidence=FORM, secret=SECRET, now=now)
    session.flush()
    return row


def join(
    session: Session, to: MailingList, email: str = "ada@example.com", now: datetime = NOW
) -> Subscription:
    row = ask(session, to, email, now)
    assert row is not None
    return service.confirm(session, row.id, evidence=FORM, secret=SECRET, now=now)


def consents(session: Session) -> list[tuple[str, str]]:
    return [(row.action, row.source) for row in session.scalars(select(Consent).order_by(Consent.id))]


def test_double_opt_in(session: Session, readers: MailingList) -> None:
    row = ask(session, readers)
    assert row is not None
    assert row.state == "pending"
    assert session.execute(members([readers.id])).all() == []
    service.confirm(session, row.id, evidence=FORM, now=NOW)
    service.confirm(session, row.id, evidence=FORM, now=NOW)
    assert session.execute(members([readers.id])).all() == [
        (row.subscriber_id, "ada@example.com", "ada@example.com")
    ]
    assert consents(session) == [("subscribe", "form"), ("confirm", "form")]
    first = session.scalars(select(Consent)).first()
    assert first is not None
    assert first.wording_hash == wording_hash("Send me the letter.")


def test_one_confirmation_mail_a_day_across_lists(sessions: Sessions) -> None:
    queue = RecordingQueue()
    with unit_of_work(sessions) as session:
        lists = [service.create_list(session, slug=f"l{n}", name=f"List {n}") for n in range(3)]
    for hours in (0, 1, 23, 25):
        for each in lists:
            with unit_of_work(sessions) as session:
                now = NOW + timedelta(hours=hours)
                service.subscribe(
                    session, queue, "Ada@example.com", each, evidence=FORM, secret=SECRET, now=now
                )
    assert len(queue.jobs) == 2


def test_a_confirmation_link_runs_out(session: Session, readers: MailingList) -> None:
    row = ask(session, readers)
    assert row is not None
    with pytest.raises(NotFound, match="run out"):
        service.confirm(session, row.id, evidence=FORM, now=NOW + 8 * DAY)


def test_a_stranger_changes_nothing_about_a_known_person(session: Session, readers: MailingList) -> None:
    join(session, readers)
    queue = RecordingQueue()
    service.subscribe(
        session, queue, "ADA@example.com", readers, name="Mallory", evidence=FORM, now=NOW + 2 * DAY
    )
    person = service.find_subscriber(session, "ada@example.com")
    assert (person.name, queue.jobs) == ("", [])
    assert session.scalar(select(func.count()).select_from(Subscriber)) == 1


def test_leaving_and_coming_back(session: Session, readers: MailingList) -> None:
    row = join(session, readers)
    assert service.unsubscribe(session, row.subscriber_id, source="page", campaign_id=7, now=NOW) == 1
    assert service.unsubscribe(session, row.subscriber_id, source="page", campaign_id=7, now=NOW) == 0
    assert session.execute(members([readers.id])).all() == []
    assert service.undo_unsubscribe(session, row.subscriber_id, campaign_id=8, now=NOW) == 0
    assert service.undo_unsubscribe(session, row.subscriber_id, campaign_id=7, now=NOW + 2 * DAY) == 0
    assert service.undo_unsubscribe(session, row.subscriber_id, campaign_id=7, now=NOW) == 1
    assert row.confirmed_at == NOW
    assert consents(session)[-2:] == [("unsubscribe", "page"), ("undo", "undo")]


def test_who_left_may_subscribe_again_by_confirming(session: Session, readers: MailingList) -> None:
    row = join(session, readers)
    service.unsubscribe(session, row.subscriber_id, source="page", now=NOW)
    suppress(session, "ada@example.com", reason="unsubscribed", source="page", now=NOW)
    again = join(session, readers, now=NOW + 2 * DAY)
    assert again.state == "confirmed"
    assert active_suppression(session, "ada@example.com") is None


@pytest.mark.parametrize("reason", ["complaint", "hard_bounce", "manual", "imported"])
def test_a_suppressed_address_cannot_join(session: Session, readers: MailingList, reason: str) -> None:
    suppress(session, "ada@example.com", reason=reason, source="test", now=NOW)
    assert ask(session, readers) is None
    assert session.scalar(select(func.count()).select_from(Subscriber)) == 0


def test_a_graver_reason_takes_the_place_of_unsubscribed(session: Session, readers: MailingList) -> None:
    suppress(session, "ada@example.com", reason="unsubscribed", source="page", now=NOW)
    suppress(session, "ada@example.com", reason="complaint", source="feedback", now=NOW)
    suppress(session, "ada@example.com", reason="unsubscribed", source="page", now=NOW)
    found = active_suppression(session, "ada@example.com")
    assert found is not None
    assert found.reason == "complaint"


def test_suppressing_twice_is_one_row_and_lifting_needs_a_reason(session: Session) -> None:
    first = suppress(session, "a@example.com", reason="manual", source="test", now=NOW)
    assert suppress(session, "a@example.com", reason="hard_bounce", source="test", now=NOW).id == first.id
    with pytest.raises(InvalidInput):
        lift(session, first.id, reason="  ", actor="me", now=NOW)
    lift(session, first.id, reason="works again", actor="me", now=NOW)
    with pytest.raises((NotFound, Conflict)):
        lift(session, first.id, reason="again", actor="me", now=NOW)
    assert active_suppression(session, "a@example.com") is None
    assert suppress(session, "a@example.com", reason="manual", source="test", now=NOW).id != first.id


def test_erasure_keeps_a_keyed_hash_only(session: Session, readers: MailingList) -> None:
    join(session, readers)
    suppress(
        session,
        "ada@example.com",
        reason="soft_bounce",
        source="test",
        detail="ada@example.com full",
        now=NOW,
    )
    service.erase(session, "ADA@example.com", secret=SECRET, actor="admin", now=NOW)
    kept = session.scalars(select(Suppression)).one()
    assert kept.address_key.startswith("h:")
    assert "ada" not in kept.address_key + kept.detail
    assert session.scalar(select(func.count()).select_from(Subscription)) == 0
    assert ask(session, readers) is None
    with pytest.raises(NotFound):
        service.erase(session, "ada@example.com", secret=SECRET, actor="admin", now=NOW)


def test_preferences(session: Session, readers: MailingList) -> None:
    events = service.create_list(session, slug="events", name="Events")
    hidden = service.create_list(session, slug="staff", name="Staff", visibility="private")
    person = join(session, readers).subscriber
    changed = service.save_preferences(
        session, person, name="Ada\nBcc: x", language="fa", list_ids={events.id, hidden.id}, publication_id=None,
        evidence=FORM, now=NOW,
    )  # fmt: skip
    assert changed
    assert (person.name, person.language) == ("Ada Bcc: x", "fa")
    chosen = {each.mailing_list.slug for each in service.choices(session, person.id, None) if each.is_chosen}
    assert chosen == {"events"}
    with pytest.raises(InvalidInput):
        service.save_preferences(
            session,
            person,
            name="",
            language="<b>",
            list_ids=set(),
            publication_id=None,
            evidence=FORM,
            now=NOW,
        )


def test_search_walks_page_by_page(session: Session, readers: MailingList) -> None:
    for n in range(7):
        join(session, readers, f"reader{n}@example.com")
    ask(session, readers, "other_x@example.com")
    page = service.search_subscribers(session, "READER", limit=5)
    assert [each.email[6] for each in page.subscribers] == list("01234")
    last = service.search_subscribers(session, "reader", after=page.next_after or "", limit=5)
    assert ([each.email[6] for each in last.subscribers], last.next_after) == (list("56"), None)
    assert service.search_subscribers(session, "other%").subscribers == []
    pending = service.search_subscribers(session, list_id=readers.id, state="pending").subscribers
    assert [each.email for each in pending] == ["other_x@example.com"]


def test_history_tells_the_whole_story(session: Session, readers: MailingList) -> None:
    row = join(session, readers)
    service.unsubscribe(session, row.subscriber_id, source="page", now=NOW + DAY)
    suppress(session, "ada@example.com", reason="manual", source="admin", detail="asked", now=NOW + 2 * DAY)
    told = [(entry.what, entry.list_slug) for entry in service.history(session, row.subscriber)]
    assert told[:2] == [("suppressed", ""), ("unsubscribe", "readers")]
    assert service.describe(session, row.subscriber)["subscriptions"][0]["state"] == "unsubscribed"


@pytest.mark.parametrize(
    "values", [{"slug": "A B"}, {"name": " \n"}, {"optin": "triple"}, {"visibility": "secret"}, {"slug": ""}]
)
def test_bad_lists_are_refused(session: Session, values: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        service.create_list(session, **({"slug": "x", "name": "X"} | values))


def test_the_same_slug_twice_is_a_conflict(session: Session, readers: MailingList) -> None:
    with pytest.raises(Conflict):
        service.create_list(session, slug="readers", name="Again")
    with pytest.raises(NotFound, match="there is readers"):
        service.find_list(session, "nope")
