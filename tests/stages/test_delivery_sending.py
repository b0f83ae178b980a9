"""One sender against a relay that refuses, defers, hangs up and is away: each person ends in the right state, nobody twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from newsletter.audience.models import MailingList, Subscriber, Subscription
from newsletter.audience.suppressions import suppress
from newsletter.bootstrap import Container, build_container
from newsletter.db.session import unit_of_work
from newsletter.delivery.control import campaigns
from newsletter.delivery.control.freeze import freeze_campaign
from newsletter.delivery.dkim.service import activate_key, create_key
from newsletter.delivery.models import Campaign, Delivery
from newsletter.delivery.sending.checks import Scope
from newsletter.delivery.sending.claim import Claimed, claim
from newsletter.delivery.sending.journal import Journal, Result
from newsletter.delivery.sending.ledger import record_results
from newsletter.delivery.sending.rounds import rounds_for
from newsletter.delivery.sending.senders import SenderLease, sign_on
from newsletter.delivery.service import send_campaign
from newsletter.delivery.states import AmbiguousPolicy, CampaignState, DeliveryState
from newsletter.delivery.upkeep.sweep import sweep
from newsletter.errors import Conflict, InvalidInput
from newsletter.issues import service as issues
from newsletter.reporting.campaigns import campaign_report
from newsletter.settings import Settings
from tests.conftest import RecordingQueue
from tests.support.relay import HANG_UP, Relay, running_relay

PEOPLE = 12


@pytest.fixture
def relay() -> Iterator[Relay]:
    with running_relay(Relay()) as running:
        yield running


@pytest.fixture
def parts(settings: Settings, container: Container, relay: Relay) -> Container:
    """An installation whose mail goes to the relay."""
    told = settings.model_copy(update={"smtp_url": f"smtp://127.0.0.1:{relay.port}", "smtp_connections": 3})
    return build_container(told, engine=container.engine, queue=RecordingQueue())


@pytest.fixture
def campaign_id(parts: Container) -> int:
    """A campaign of an approved issue to everybody, frozen and sending."""
    with unit_of_work(parts.sessions) as session:
        campaign = start(parts, session)
        session.flush()
        made = campaign.id
    freeze_campaign(parts.sessions, parts.queue, made)
    return made


def start(parts: Container, session: Session, **options: Any) -> Campaign:
    now = parts.clock.now()
    publication = issues.create_publication(
        session,
        slug="letter",
        name="Letter",
        sender="Letter <letter@example.com>",
        postal_address="1 Hill Road",
    )
    readers = MailingList(slug="readers", name="Readers", publication_id=publication.id)
    session.add(readers)
    for number in range(PEOPLE):
        person = Subscriber(
            email=address(number), address_key=address(number), name=f"Reader {number}", created_at=now
        )
        session.add(person)
        session.add(Subscription(list=readers, subscriber=person, state="confirmed", confirmed_at=now))
    issue = issues.create_issue(session, publication)
    issues.approve_issue(session, issue, actor="t")
    session.flush()
    return campaigns.start_campaign(session, parts.queue, issue, [readers], actor="t", now=now, **options)


def address(number: int) -> str:
    return f"reader{number}@example.com"


def states(parts: Container) -> dict[str, str]:
    with parts.reading_sessions() as session:
        return {row.address: DeliveryState(row.state).word for row in session.scalars(select(Delivery))}


def row_of(parts: Container, number: int) -> Delivery:
    with parts.reading_sessions() as session:
        return session.scalars(select(Delivery).where(Delivery.address == address(number))).one()


def report(parts: Container, campaign_id: int) -> Any:
    with parts.reading_sessions() as session:
        return campaign_report(session, session.get_one(Campaign, campaign_id))


def only(number: int, reply: str) -> Callable[[str], str | None]:
    return lambda given: reply if given == address(number) else None


def test_everybody_gets_it_once(parts: Container, campaign_id: int, relay: Relay) -> None:
    send_campaign(parts.sending, campaign_id)
    assert sorted(relay.accepted) == sorted(address(number) for number in range(PEOPLE))
    told = report(parts, campaign_id)
    assert (told.state, told.sent, told.audience, told.adds_up) == ("finished", PEOPLE, PEOPLE, True)
    assert told.messages_per_second > 0
    assert list(parts.sending.journal_folder.iterdir()) == []


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_refusal_is_a_bounce_of_that_person_alone(
    parts: Container, campaign_id: int, relay: Relay, pipelining: bool
) -> None:
    relay.pipelining = pipelining
    relay.at_rcpt = only(3, "550 5.1.1 No such user")
    relay.at_dot = only(4, "552 5.2.2 Mailbox full")
    send_campaign(parts.sending, campaign_id)
    told = report(parts, campaign_id)
    assert (told.sent, told.failed, told.hard_bounces, told.soft_bounces) == (PEOPLE - 2, 2, 1, 1)
    dead = row_of(parts, 3)
    assert (dead.smtp_code, dead.bounce, dead.reason) == (550, "hard", "dead")
    assert len(relay.accepted) == PEOPLE - 2


def test_a_4xx_is_tried_again_later(parts: Container, campaign_id: int, relay: Relay) -> None:
    relay.at_rcpt = only(5, "451 4.7.1 Greylisted, come back")
    send_campaign(parts.sending, campaign_id)
    waiting = row_of(parts, 5)
    assert DeliveryState(waiting.state) is DeliveryState.DEFERRED
    assert waiting.next_attempt_at is not None
    assert waiting.next_attempt_at >= parts.clock.now() + timedelta(minutes=4, seconds=50)
    relay.at_rcpt = lambda _address: None
    with unit_of_work(parts.sessions) as session:
        due = parts.clock.now() - timedelta(seconds=1)
        session.execute(
            update(Delivery).where(Delivery.next_attempt_at.is_not(None)).values(next_attempt_at=due)
        )
    sweep(parts.sessions, parts.queue, parts.sending.journal_folder)
    send_campaign(parts.sending, campaign_id)
    assert report(parts, campaign_id).state == "finished"
    assert row_of(parts, 5).attempts == 2


def test_a_reply_that_never_comes_is_ambiguous(parts: Container, campaign_id: int, relay: Relay) -> None:
    relay.at_dot = only(6, HANG_UP)
    send_campaign(parts.sending, campaign_id)
    told = report(parts, campaign_id)
    assert (told.sent, told.ambiguous, told.failed, told.adds_up) == (PEOPLE - 1, 1, 0, True)
    assert states(parts)[address(6)] == "ambiguous"


def test_a_relay_that_is_away_blames_nobody(parts: Container, campaign_id: int, relay: Relay) -> None:
    relay.greeting = "554 5.3.2 Not now"
    send_campaign(parts.sending, campaign_id)
    told = report(parts, campaign_id)
    assert (told.state, told.queued, told.failed) == ("sending", PEOPLE, 0)
    relay.greeting = "220 relay.example.com"
    send_campaign(parts.sending, campaign_id)
    assert report(parts, campaign_id).sent == PEOPLE


def test_who_is_suppressed_or_leaves_before_the_dot_gets_nothing(
    parts: Container, campaign_id: int, relay: Relay
) -> None:
    with unit_of_work(parts.sessions) as session:
        suppress(session, address(1), reason="manual", source="test", now=parts.clock.now())
        leaver = session.scalars(select(Subscriber).where(Subscriber.email == address(2))).one()
        session.execute(
            update(Subscription).where(Subscription.subscriber_id == leaver.id).values(state="unsubscribed")
        )
    send_campaign(parts.sending, campaign_id)
    told = report(parts, campaign_id)
    assert (told.sent, told.suppressed, told.skipped, told.adds_up) == (PEOPLE - 2, 1, 1, True)
    assert not {address(1), address(2)} & set(relay.accepted)


def test_a_suppression_of_one_publication_counts_there(parts: Container, campaign_id: int) -> None:
    with unit_of_work(parts.sessions) as session:
        other = issues.create_publication(session, slug="other", name="Other", sender="o@example.com")
        session.flush()
        now = parts.clock.now()
        suppress(session, address(1), reason="manual", source="test", publication_id=other.id, now=now)
    send_campaign(parts.sending, campaign_id)
    assert report(parts, campaign_id).sent == PEOPLE


def test_a_paused_campaign_sends_nothing_and_goes_on(
    parts: Container, campaign_id: int, relay: Relay
) -> None:
    now = parts.clock.now()
    with unit_of_work(parts.sessions) as session:
        campaigns.pause(session, session.get_one(Campaign, campaign_id), actor="t", now=now)
    send_campaign(parts.sending, campaign_id)
    assert relay.accepted == []
    with unit_of_work(parts.sessions) as session:
        campaigns.resume(session, parts.queue, session.get_one(Campaign, campaign_id), actor="t", now=now)
    send_campaign(parts.sending, campaign_id)
    assert len(relay.accepted) == PEOPLE


def test_a_cancelled_campaign_skips_the_rest(parts: Container, campaign_id: int, relay: Relay) -> None:
    with unit_of_work(parts.sessions) as session:
        campaign = session.get_one(Campaign, campaign_id)
        assert campaigns.cancel(session, campaign, actor="t", now=parts.clock.now()) == PEOPLE
        with pytest.raises(Conflict):
            campaigns.cancel(session, campaign, actor="t", now=parts.clock.now())
    send_campaign(parts.sending, campaign_id)
    told = report(parts, campaign_id)
    assert (told.state, told.skipped, told.adds_up, relay.accepted) == ("cancelled", PEOPLE, True, [])


def test_freezing_twice_adds_nobody(parts: Container, campaign_id: int) -> None:
    with unit_of_work(parts.sessions) as session:
        campaign = session.get_one(Campaign, campaign_id)
        campaign.state, campaign.freeze_cursor = CampaignState.FREEZING.value, 0
    freeze_campaign(parts.sessions, parts.queue, campaign_id)
    assert len(states(parts)) == PEOPLE


def scope_of(session: Session, campaign_id: int) -> Scope:
    campaign = session.get_one(Campaign, campaign_id)
    return Scope(campaign_id, campaign.issue.publication_id, tuple(each.id for each in campaign.lists))


def claimed_by(session: Session, campaign_id: int, owner: str) -> list[Claimed]:
    """Claim a chunk as a new sender does."""
    sign_on(session, owner, campaign_id)
    return claim(session, campaign_id, owner)


async def at_once(function: Callable[..., set[int]], *arguments: object) -> set[int]:
    return function(*arguments)


def grant(parts: Container, owner: str, ids: list[int], campaign_id: int) -> set[int]:
    """Commit intents as a round does."""
    with parts.reading_sessions() as session:
        scope = scope_of(session, campaign_id)
    return asyncio.run(rounds_for(parts.sessions, owner, scope, at_once).commit([], ids))


def die(journal: Journal) -> None:
    """Do what SIGKILL does: the lock is gone, the file is there."""
    journal._head.close()
    journal._file.close()


def expire(session: Session, parts: Container) -> None:
    """Let every lease run out."""
    session.execute(update(SenderLease).values(lease_until=parts.clock.now() - timedelta(seconds=1)))


def test_a_dead_senders_rows_are_free_at_once(parts: Container, campaign_id: int, relay: Relay) -> None:
    """Answered, dotted, granted and only claimed: each ends as its journal says, and only one of them is unknown."""
    journal = Journal(parts.sending.journal_folder, "dead-1")
    with unit_of_work(parts.sessions) as session:
        rows = claimed_by(session, campaign_id, "dead-1")
    assert len(grant(parts, "dead-1", [row.id for row in rows[:3]], campaign_id)) == 3
    answered, dotted, granted = rows[:3]
    journal.dots([(answered.id, answered.fence)])
    journal.write(Result(answered.id, answered.fence, DeliveryState.SENT, parts.clock.now(), code=250))
    journal.dots([(dotted.id, dotted.fence)])
    die(journal)
    sweep(parts.sessions, parts.queue, parts.sending.journal_folder)
    found = states(parts)
    assert found[answered.address] == "sent"
    assert found[dotted.address] == "ambiguous"
    assert found[granted.address] == "queued"
    assert list(found.values()).count("queued") == PEOPLE - 2
    send_campaign(parts.sending, campaign_id)
    assert len(relay.accepted) == PEOPLE - 2
    assert report(parts, campaign_id).adds_up


def test_a_living_senders_journal_is_left_alone(parts: Container, campaign_id: int) -> None:
    journal = Journal(parts.sending.journal_folder, "alive")
    with unit_of_work(parts.sessions) as session:
        claimed_by(session, campaign_id, "alive")
    sweep(parts.sessions, parts.queue, parts.sending.journal_folder)
    assert set(states(parts).values()) == {"claimed"}
    journal.close(everything_recorded=True)


def test_after_a_reboot_a_missing_dot_proves_nothing(parts: Container, campaign_id: int) -> None:
    with unit_of_work(parts.sessions) as session:
        rows = claimed_by(session, campaign_id, "old")
    grant(parts, "old", [rows[0].id], campaign_id)
    folder: Path = parts.sending.journal_folder
    folder.mkdir(parents=True)
    (folder / "old.jsonl").write_bytes(b"Banother\n")
    sweep(parts.sessions, parts.queue, folder)
    assert states(parts)[rows[0].address] == "ambiguous"


def test_an_expired_lease_gives_claims_back_and_intents_up(parts: Container, campaign_id: int) -> None:
    with unit_of_work(parts.sessions) as session:
        rows = claimed_by(session, campaign_id, "elsewhere")
    grant(parts, "elsewhere", [rows[0].id], campaign_id)
    with unit_of_work(parts.sessions) as session:
        expire(session, parts)
    sweep(parts.sessions, parts.queue, parts.sending.journal_folder)
    found = states(parts)
    assert found.pop(rows[0].address) == "ambiguous"
    assert set(found.values()) == {"queued"}


def test_a_late_result_of_an_old_claim_changes_nothing(parts: Container, campaign_id: int) -> None:
    now = parts.clock.now()
    with unit_of_work(parts.sessions) as session:
        old = claimed_by(session, campaign_id, "old")[0]
        session.execute(update(Delivery).values(owner=None, state=int(DeliveryState.QUEUED)))
        claimed_by(session, campaign_id, "new")
        record_results(session, "old", [Result(old.id, old.fence, DeliveryState.FAILED, now)])
    assert states(parts)[old.address] == "claimed"


def test_a_message_that_kills_its_worker_is_quarantined(parts: Container, campaign_id: int) -> None:
    for turn in range(3):
        owner = f"victim-{turn}"
        with unit_of_work(parts.sessions) as session:
            session.execute(
                update(Delivery).where(Delivery.address != address(0)).values(state=int(DeliveryState.SENT))
            )
            assert [row.address for row in claimed_by(session, campaign_id, owner)] == [address(0)]
        journal = Journal(parts.sending.journal_folder, owner)
        journal.name(row_of(parts, 0).id)
        die(journal)
        sweep(parts.sessions, parts.queue, parts.sending.journal_folder)
    assert row_of(parts, 0).reason == "quarantined"


def test_a_death_for_other_reasons_blames_no_message(parts: Container, campaign_id: int) -> None:
    for turn in range(4):
        with unit_of_work(parts.sessions) as session:
            assert len(claimed_by(session, campaign_id, f"killed-{turn}")) == PEOPLE
        die(Journal(parts.sending.journal_folder, f"killed-{turn}"))
        sweep(parts.sessions, parts.queue, parts.sending.journal_folder)
    assert set(states(parts).values()) == {"queued"}


@pytest.mark.parametrize(
    ("policy", "state"),
    [
        (AmbiguousPolicy.HOLD, "ambiguous"),
        (AmbiguousPolicy.COUNT_AS_SENT, "sent"),
        (AmbiguousPolicy.SEND_AGAIN, "queued"),
    ],
)
def test_the_policy_decides_about_the_unknown(
    parts: Container, campaign_id: int, policy: AmbiguousPolicy, state: str
) -> None:
    long_ago = parts.clock.now() - timedelta(hours=1)
    with unit_of_work(parts.sessions) as session:
        session.execute(update(Campaign).values(ambiguous_policy=policy.value))
        first = session.scalars(select(Delivery).where(Delivery.address == address(0))).one()
        first.state, first.sent_at = int(DeliveryState.AMBIGUOUS), long_ago
    sweep(parts.sessions, parts.queue, parts.sending.journal_folder)
    assert states(parts)[address(0)] == state


def test_what_is_sent_again_opens_a_finished_campaign(
    parts: Container, campaign_id: int, relay: Relay
) -> None:
    relay.at_dot = only(6, HANG_UP)
    send_campaign(parts.sending, campaign_id)
    assert report(parts, campaign_id).state == "finished"
    with unit_of_work(parts.sessions) as session:
        session.execute(update(Campaign).values(ambiguous_policy=AmbiguousPolicy.SEND_AGAIN.value))
        session.execute(update(Delivery).values(sent_at=parts.clock.now() - timedelta(hours=1)))
    relay.at_dot = lambda _address: None
    sweep(parts.sessions, parts.queue, parts.sending.journal_folder)
    assert report(parts, campaign_id).state == "sending"
    send_campaign(parts.sending, campaign_id)
    told = report(parts, campaign_id)
    assert (told.state, told.sent, told.ambiguous) == ("finished", PEOPLE, 0)


def test_a_missed_schedule_goes_to_everybody_once_it_is_resumed(parts: Container, relay: Relay) -> None:
    now = parts.clock.now()
    with unit_of_work(parts.sessions) as session:
        made = start(parts, session, at=now + timedelta(minutes=5))
        made.scheduled_at = now - timedelta(hours=30)
        session.flush()
        campaign_id = made.id
    sweep(parts.sessions, parts.queue, parts.sending.journal_folder)
    with unit_of_work(parts.sessions) as session:
        campaigns.resume(session, parts.queue, session.get_one(Campaign, campaign_id), actor="t", now=now)
    sweep(parts.sessions, parts.queue, parts.sending.journal_folder)
    freeze_campaign(parts.sessions, parts.queue, campaign_id)
    send_campaign(parts.sending, campaign_id)
    assert (report(parts, campaign_id).sent, len(relay.accepted)) == (PEOPLE, PEOPLE)


def test_a_long_pause_expires_nobody(parts: Container, campaign_id: int, relay: Relay) -> None:
    now = parts.clock.now()
    with unit_of_work(parts.sessions) as session:
        campaign = session.get_one(Campaign, campaign_id)
        campaigns.pause(session, campaign, actor="t", now=now)
        campaign.expires_at = now - timedelta(days=2)
    sweep(parts.sessions, parts.queue, parts.sending.journal_folder)
    with unit_of_work(parts.sessions) as session:
        campaigns.resume(session, parts.queue, session.get_one(Campaign, campaign_id), actor="t", now=now)
    send_campaign(parts.sending, campaign_id)
    assert report(parts, campaign_id).sent == PEOPLE


def test_what_is_deferred_after_a_cancel_ends(parts: Container, campaign_id: int) -> None:
    now = parts.clock.now()
    with unit_of_work(parts.sessions) as session:
        row = claimed_by(session, campaign_id, "me")[0]
        campaigns.cancel(session, session.get_one(Campaign, campaign_id), actor="t", now=now)
        record_results(session, "me", [Result(row.id, row.fence, DeliveryState.DEFERRED, now, code=451)])
        expire(session, parts)
    sweep(parts.sessions, parts.queue, parts.sending.journal_folder)
    told = report(parts, campaign_id)
    assert (told.open, told.skipped, told.adds_up) == (0, PEOPLE, True)


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_refusal_counts_when_the_relay_hangs_up_after_it(
    parts: Container, campaign_id: int, relay: Relay, pipelining: bool
) -> None:
    relay.pipelining, relay.hangs_up_after_refusal = pipelining, True
    relay.at_rcpt = only(3, "550 5.1.1 No such user")
    send_campaign(parts.sending, campaign_id)
    told = report(parts, campaign_id)
    assert (told.state, told.sent, told.failed, told.hard_bounces) == ("finished", PEOPLE - 1, 1, 1)


def test_an_answer_that_was_heard_counts_after_the_lease_ran_out(parts: Container, campaign_id: int) -> None:
    now = parts.clock.now()
    with unit_of_work(parts.sessions) as session:
        row = claimed_by(session, campaign_id, "slept")[0]
    grant(parts, "slept", [row.id], campaign_id)
    with unit_of_work(parts.sessions) as session:
        expire(session, parts)
    sweep(parts.sessions, parts.queue, parts.sending.journal_folder)
    assert states(parts)[row.address] == "ambiguous"
    with unit_of_work(parts.sessions) as session:
        record_results(session, "slept", [Result(row.id, row.fence, DeliveryState.SENT, now, code=250)])
    assert states(parts)[row.address] == "sent"


def test_a_second_list_reaches_only_who_has_not_got_it(
    parts: Container, campaign_id: int, relay: Relay
) -> None:
    send_campaign(parts.sending, campaign_id)
    with unit_of_work(parts.sessions) as session:
        issue = session.get_one(Campaign, campaign_id).issue
        second = MailingList(slug="second", name="Second", publication_id=issue.publication_id)
        ada = Subscriber(email="ada@example.com", address_key="ada@example.com", name="Ada")
        known = session.scalars(select(Subscriber).where(Subscriber.email == address(1))).one()
        session.add_all(Subscription(list=second, subscriber=who, state="confirmed") for who in (ada, known))
        session.flush()
        now = parts.clock.now()
        again = campaigns.start_campaign(session, parts.queue, issue, [second], actor="t", now=now)
        session.flush()
        again_id = again.id
    freeze_campaign(parts.sessions, parts.queue, again_id)
    send_campaign(parts.sending, again_id)
    told = report(parts, again_id)
    assert (told.audience, told.sent, told.skipped, told.adds_up) == (2, 1, 1, True)
    assert relay.accepted.count(address(1)) == 1


def test_the_same_issue_never_goes_to_a_list_twice(parts: Container, campaign_id: int) -> None:
    with unit_of_work(parts.sessions) as session:
        campaign = session.get_one(Campaign, campaign_id)
        issue, lists, now = campaign.issue, list(campaign.lists), parts.clock.now()
        with pytest.raises(Conflict, match="already goes to"):
            campaigns.start_campaign(session, parts.queue, issue, lists, actor="t", now=now)
        with pytest.raises(InvalidInput):
            campaigns.start_campaign(session, parts.queue, issue, [], actor="t", now=now)


def test_one_request_makes_one_campaign(parts: Container) -> None:
    with unit_of_work(parts.sessions) as session:
        first = start(parts, session, request_key="click")
        again = campaigns.start_campaign(
            session,
            parts.queue,
            first.issue,
            first.lists,
            actor="t",
            request_key="click",
            now=parts.clock.now(),
        )
        assert again is first


def test_a_schedule_starts_when_it_is_due_and_is_held_when_missed(parts: Container) -> None:
    now = parts.clock.now()
    with unit_of_work(parts.sessions) as session:
        made = start(parts, session, at=now + timedelta(minutes=5))
        session.flush()
        campaign_id = made.id
    sweep(parts.sessions, parts.queue, parts.sending.journal_folder)
    assert report(parts, campaign_id).state == "scheduled"
    with unit_of_work(parts.sessions) as session:
        session.get_one(Campaign, campaign_id).scheduled_at = now - timedelta(minutes=1)
    sweep(parts.sessions, parts.queue, parts.sending.journal_folder)
    assert report(parts, campaign_id).state == "freezing"
    with unit_of_work(parts.sessions) as session:
        late = session.get_one(Campaign, campaign_id)
        late.state, late.scheduled_at = CampaignState.SCHEDULED.value, now - timedelta(hours=3)
    sweep(parts.sessions, parts.queue, parts.sending.journal_folder)
    assert report(parts, campaign_id).state == "paused"


def rename(parts: Container, number: int, address: str) -> None:
    with unit_of_work(parts.sessions) as session:
        one = session.scalars(select(Delivery).where(Delivery.address == f"reader{number}@example.com")).one()
        one.address = one.address_key = address


@pytest.mark.parametrize("offers", [True, False])
def test_letters_outside_ascii_need_a_relay_that_carries_them(
    parts: Container, campaign_id: int, relay: Relay, offers: bool
) -> None:
    relay.extensions = ("SMTPUTF8",) if offers else ()
    rename(parts, 3, "zoë@example.com")
    send_campaign(parts.sending, campaign_id)
    told = report(parts, campaign_id)
    assert ("zoë@example.com" in relay.accepted) is offers
    assert (told.sent, told.failed, told.hard_bounces) == ((PEOPLE, 0, 0) if offers else (PEOPLE - 1, 1, 0))


def test_a_message_above_the_relays_size_is_not_tried(
    parts: Container, campaign_id: int, relay: Relay
) -> None:
    relay.extensions = ("SIZE 2000",)
    send_campaign(parts.sending, campaign_id)
    told = report(parts, campaign_id)
    assert (told.failed, told.soft_bounces, told.state) == (PEOPLE, PEOPLE, "finished")
    assert "552 5.3.4" in (row_of(parts, 0).response or "")
    assert relay.accepted == []


@pytest.mark.parametrize("connections", [1, 3])
def test_rsa_signatures_are_made_ahead_also_for_few_connections(
    parts: Container, campaign_id: int, relay: Relay, connections: int
) -> None:
    now = parts.clock.now()
    with unit_of_work(parts.sessions) as session:
        key = create_key(session, parts.sealer, "example.com", "rsa", actor="t", now=now)
        activate_key(session, key, actor="t", now=now)
    rename(parts, 4, "no address at all")
    sending = replace(parts.sending, connections=connections)
    send_campaign(sending, campaign_id)
    told = report(parts, campaign_id)
    assert (told.state, told.sent, told.failed) == ("finished", PEOPLE - 1, 1)
    assert row_of_address(parts, "no address at all").reason == "content"
    assert relay.connections <= connections


def row_of_address(parts: Container, address: str) -> Delivery:
    with parts.reading_sessions() as session:
        return session.scalars(select(Delivery).where(Delivery.address == address)).one()
