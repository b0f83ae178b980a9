"""A rehearsal writes everybody's message and sends none; the real send is held against its hash."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import update

from newsletter.audience.models import MailingList, Subscriber, Subscription
from newsletter.audience.suppressions import suppress
from newsletter.bootstrap import Container
from newsletter.db.session import unit_of_work
from newsletter.delivery.models import Campaign
from newsletter.delivery.rehearsing import comparing
from newsletter.delivery.rehearsing.book import keep
from newsletter.delivery.rehearsing.comparing import compare_campaign
from newsletter.delivery.rehearsing.models import Comparison
from newsletter.delivery.rehearsing.rehearsal import rehearsal_of, rehearse
from newsletter.delivery.rehearsing.stage import Rehearsal
from newsletter.delivery.service import send_campaign
from newsletter.delivery.upkeep.sweep import sweep
from newsletter.jobs import JobName
from tests.conftest import RecordingQueue
from tests.stages.test_delivery_sending import (
    PEOPLE,
    address,
    campaign_id,  # noqa: F401 - fixture
    parts,  # noqa: F401 - fixture
    relay,  # noqa: F401 - fixture
)
from tests.support.relay import Relay


def of_lists(parts: Container, campaign_id: int) -> Rehearsal:  # noqa: F811
    with parts.reading_sessions() as session:
        campaign = session.get_one(Campaign, campaign_id)
        lists: list[MailingList] = list(campaign.lists)
        return rehearse(session, campaign.issue, lists, parts.sending.room)


def of_campaign(parts: Container, campaign_id: int) -> Rehearsal:  # noqa: F811
    with parts.reading_sessions() as session:
        return rehearsal_of(session, session.get_one(Campaign, campaign_id), parts.sending.room)


def test_the_real_send_has_the_rehearsals_hash(
    parts: Container,  # noqa: F811
    campaign_id: int,  # noqa: F811
    relay: Relay,  # noqa: F811
) -> None:
    found = of_lists(parts, campaign_id)
    assert (found.people, found.suppressed, found.failed) == (PEOPLE, 0, 0)
    assert not relay.accepted
    assert found.total_bytes >= found.largest_bytes > 1000
    assert found.largest
    assert found.slowest
    send_campaign(parts.sending, campaign_id)
    assert of_campaign(parts, campaign_id).hash == found.hash == of_lists(parts, campaign_id).hash


def test_a_suppression_changes_the_count_and_not_the_hash(parts: Container, campaign_id: int) -> None:  # noqa: F811
    before = of_campaign(parts, campaign_id)
    with unit_of_work(parts.sessions) as session:
        suppress(session, address(1), reason="manual", source="test", now=parts.clock.now())
    after = of_campaign(parts, campaign_id)
    assert (after.suppressed, after.hash) == (1, before.hash)


def test_a_changed_name_changes_the_hash(parts: Container, campaign_id: int) -> None:  # noqa: F811
    before = of_campaign(parts, campaign_id).hash
    with unit_of_work(parts.sessions) as session:
        session.get_one(Subscriber, 1).name = "Somebody Else"
    assert of_campaign(parts, campaign_id).hash != before


def test_what_cannot_be_written_is_named(parts: Container, campaign_id: int) -> None:  # noqa: F811
    with unit_of_work(parts.sessions) as session:
        session.get_one(Subscriber, 1).email = "two\r\nlines@example.com"
    found = of_lists(parts, campaign_id)
    assert (found.failed, [each for each, _ in found.failures]) == (1, ["two\r\nlines@example.com"])


def rehearsed(parts: Container, campaign_id: int) -> None:  # noqa: F811
    """Keep a rehearsal from before the freeze."""
    found = of_lists(parts, campaign_id)
    with unit_of_work(parts.sessions) as session:
        campaign = session.get_one(Campaign, campaign_id)
        assert campaign.frozen_at
        at = campaign.frozen_at - timedelta(minutes=5)
        keep(session, campaign.issue, campaign.lists, found, actor="t", now=at)


class TestComparison:
    """A campaign says by itself whether it is what was rehearsed."""

    def compared(self, parts: Container, campaign_id: int) -> Comparison:  # noqa: F811
        sweep(parts.sessions, parts.queue, parts.sending.journal_folder)
        compare_campaign(parts.sessions, parts.queue, parts.sending.room, campaign_id)
        with parts.reading_sessions() as session:
            return session.get_one(Comparison, campaign_id)

    def test_nothing_has_changed(self, parts: Container, campaign_id: int) -> None:  # noqa: F811
        rehearsed(parts, campaign_id)
        found = self.compared(parts, campaign_id)
        assert (found.is_same, found.people) == (True, PEOPLE)
        assert found.verdict == "the same messages to the same people"

    def test_in_turns_by_two_at_once(
        self,
        parts: Container,  # noqa: F811
        campaign_id: int,  # noqa: F811
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(comparing, "BATCH", 5)
        rehearsed(parts, campaign_id)
        sweep(parts.sessions, parts.queue, parts.sending.journal_folder)
        monkeypatch.setattr(comparing, "TURN_SECONDS", 0)
        compare_campaign(parts.sessions, parts.queue, parts.sending.room, campaign_id)
        monkeypatch.setattr(comparing, "TURN_SECONDS", 15)
        with ThreadPoolExecutor(2) as pool:
            list(
                pool.map(
                    lambda _: compare_campaign(parts.sessions, parts.queue, parts.sending.room, campaign_id),
                    "ab",
                )
            )
        found = self.compared(parts, campaign_id)
        assert (found.is_same, found.people) == (True, PEOPLE)

    def test_who_joined_and_who_left(self, parts: Container, campaign_id: int) -> None:  # noqa: F811
        now = parts.clock.now()
        with unit_of_work(parts.sessions) as session:
            session.execute(
                update(Subscription).values(
                    confirmed_at=now - timedelta(days=1), created_at=now - timedelta(days=1)
                )
            )
            gone = Subscriber(email="gone@example.com", address_key="gone@example.com", created_at=now)
            readers = session.get_one(Campaign, campaign_id).lists[0]
            left = Subscription(list=readers, subscriber=gone, state="confirmed", confirmed_at=now)
            session.add(left)
            session.execute(
                update(Subscription).where(Subscription.subscriber_id <= 2).values(state="pending")
            )
        rehearsed(parts, campaign_id)
        with unit_of_work(parts.sessions) as session:
            back = update(Subscription).where(Subscription.subscriber_id <= 2)
            session.execute(back.values(state="confirmed", confirmed_at=now + timedelta(minutes=1)))
        assert self.compared(parts, campaign_id).verdict == "2 joined, 1 left"

    def test_a_name_that_changed(self, parts: Container, campaign_id: int) -> None:  # noqa: F811
        rehearsed(parts, campaign_id)
        with unit_of_work(parts.sessions) as session:
            session.get_one(Subscriber, 1).name = "Somebody Else"
        found = self.compared(parts, campaign_id)
        assert found.is_same is False
        assert "names or dates" in found.verdict

    def test_without_a_rehearsal_nothing_is_compared(self, parts: Container, campaign_id: int) -> None:  # noqa: F811
        sweep(parts.sessions, parts.queue, parts.sending.journal_folder)
        with parts.reading_sessions() as session:
            assert session.get(Comparison, campaign_id) is None

    def test_what_was_forgotten_is_asked_for_again(self, parts: Container, campaign_id: int) -> None:  # noqa: F811
        rehearsed(parts, campaign_id)
        sweep(parts.sessions, parts.queue, parts.sending.journal_folder)
        with unit_of_work(parts.sessions) as session:
            session.execute(update(Comparison).values(worked_at=parts.clock.now() - timedelta(minutes=2)))
        sweep(parts.sessions, parts.queue, parts.sending.journal_folder)
        assert isinstance(parts.queue, RecordingQueue)
        asked = [job for job, _ in parts.queue.jobs if job == JobName.COMPARE_CAMPAIGN]
        assert len(asked) == 2
