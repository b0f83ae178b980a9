"""A person's control over a campaign: unknown messages, trying again, schedules by the clock on the wall."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from newsletter.accounts.models import AuditEntry
from newsletter.audience.models import MailingList
from newsletter.bootstrap import Container
from newsletter.db.session import unit_of_work
from newsletter.delivery.control import campaigns
from newsletter.delivery.control.again import retry_campaign
from newsletter.delivery.control.ambiguity import resolve, set_policy
from newsletter.delivery.control.freeze import freeze_campaign
from newsletter.delivery.control.wall_time import Schedule, schedule_at
from newsletter.delivery.models import Campaign, Delivery
from newsletter.delivery.service import send_campaign
from newsletter.delivery.states import AmbiguousPolicy, Resolution, Unreached
from newsletter.delivery.upkeep.sweep import sweep
from newsletter.errors import Conflict, InvalidInput, NotFound
from tests.stages.test_brakes import another_issue
from tests.stages.test_delivery_sending import (
    PEOPLE,
    address,
    campaign_id,  # noqa: F401 - fixture
    only,
    parts,  # noqa: F401 - fixture
    relay,  # noqa: F401 - fixture
    report,
    states,
)
from tests.support.relay import HANG_UP, Relay


def swept(parts: Container) -> None:  # noqa: F811
    sweep(parts.sessions, parts.queue, parts.sending.journal_folder)


def change(parts: Container, campaign_id: int, **values: object) -> None:  # noqa: F811
    with unit_of_work(parts.sessions) as session:
        session.execute(update(Campaign).where(Campaign.id == campaign_id).values(**values))


class TestUnknownMessages:
    @pytest.fixture
    def unknown(self, parts: Container, campaign_id: int, relay: Relay) -> int:  # noqa: F811
        """A campaign with one message that the relay never answered for."""
        relay.at_dot = only(3, HANG_UP)
        send_campaign(parts.sending, campaign_id)
        assert states(parts)[address(3)] == "ambiguous"
        relay.at_dot = lambda _address: None
        return campaign_id

    def decide(
        self,
        parts: Container,  # noqa: F811
        campaign_id: int,  # noqa: F811
        what: Resolution,
        addresses: list[str] | None = None,
    ) -> int:
        with unit_of_work(parts.sessions) as session:
            campaign = session.get_one(Campaign, campaign_id)
            return resolve(
                session, parts.queue, campaign, what, addresses=addresses, actor="a", now=parts.clock.now()
            )

    def test_called_sent_and_back(self, parts: Container, unknown: int) -> None:  # noqa: F811
        assert self.decide(parts, unknown, Resolution.SENT, [address(3).upper()]) == 1
        assert states(parts)[address(3)] == "sent"
        assert self.decide(parts, unknown, Resolution.UNKNOWN) == 1
        assert states(parts)[address(3)] == "ambiguous"
        with parts.reading_sessions() as session:
            assert (
                len(session.scalars(select(AuditEntry).where(AuditEntry.action == "campaign.resolve")).all())
                == 2
            )

    def test_sent_again_ends_as_sent(self, parts: Container, unknown: int, relay: Relay) -> None:  # noqa: F811
        change(parts, unknown, expires_at=parts.clock.now() - timedelta(hours=1))
        before = relay.accepted.count(address(3))
        self.decide(parts, unknown, Resolution.SEND_AGAIN)
        swept(parts)
        send_campaign(parts.sending, unknown)
        assert (states(parts)[address(3)], relay.accepted.count(address(3))) == ("sent", before + 1)
        assert report(parts, unknown).state == "finished"

    def test_only_unknown_ones_can_be_decided(self, parts: Container, unknown: int) -> None:  # noqa: F811
        with pytest.raises(NotFound):
            self.decide(parts, unknown, Resolution.SENT, [address(1)])
        with pytest.raises(InvalidInput):
            self.decide(parts, unknown, Resolution.SENT, [])
        change(parts, unknown, state="cancelled")
        with pytest.raises(Conflict):
            self.decide(parts, unknown, Resolution.SEND_AGAIN)

    def test_a_policy_chosen_later_decides(self, parts: Container, unknown: int) -> None:  # noqa: F811
        with unit_of_work(parts.sessions) as session:
            campaign = session.get_one(Campaign, unknown)
            set_policy(session, campaign, AmbiguousPolicy.COUNT_AS_SENT, actor="a", now=parts.clock.now())
            session.execute(update(Delivery).values(sent_at=parts.clock.now() - timedelta(hours=1)))
        swept(parts)
        assert states(parts)[address(3)] == "sent"


class TestTryingAgain:
    def first(self, parts: Container, campaign_id: int, relay: Relay) -> None:  # noqa: F811
        refusals = {
            address(1): "550 5.1.1 no such user",
            address(2): "550 5.7.1 policy",
            address(3): "451 later",
        }
        relay.at_rcpt = refusals.get
        send_campaign(parts.sending, campaign_id)
        change(parts, campaign_id, expires_at=parts.clock.now() - timedelta(minutes=1))
        swept(parts)
        relay.at_rcpt = lambda _address: None

    def again(self, parts: Container, campaign_id: int, which: Unreached = Unreached.ALL) -> int:  # noqa: F811
        with unit_of_work(parts.sessions) as session:
            first = session.get_one(Campaign, campaign_id)
            made = retry_campaign(session, parts.queue, first, which, actor="a", now=parts.clock.now())
            return made.id

    def test_soft_and_expired_get_it_dead_ones_do_not(
        self,
        parts: Container,  # noqa: F811
        campaign_id: int,  # noqa: F811
        relay: Relay,  # noqa: F811
    ) -> None:
        self.first(parts, campaign_id, relay)
        second = self.again(parts, campaign_id)
        with pytest.raises(Conflict, match="already"):
            self.again(parts, campaign_id)
        freeze_campaign(parts.sessions, parts.queue, second)
        send_campaign(parts.sending, second)
        numbers = report(parts, second)
        assert (numbers.audience, numbers.sent, numbers.state) == (2, 2, "finished")
        assert sorted(relay.accepted) == sorted(address(each) for each in range(PEOPLE) if each != 1)

    @pytest.mark.parametrize(("which", "number"), [(Unreached.SOFT, 2), (Unreached.EXPIRED, 3)])
    def test_only_those_who_are_meant(
        self,
        parts: Container,  # noqa: F811
        campaign_id: int,  # noqa: F811
        relay: Relay,  # noqa: F811
        which: Unreached,
        number: int,
    ) -> None:
        self.first(parts, campaign_id, relay)
        relay.accepted.clear()
        second = self.again(parts, campaign_id, which)
        freeze_campaign(parts.sessions, parts.queue, second)
        send_campaign(parts.sending, second)
        assert report(parts, second).audience == 1
        assert list(relay.accepted) == [address(number)]

    def test_it_waits_for_the_first_to_end(self, parts: Container, campaign_id: int) -> None:  # noqa: F811
        with pytest.raises(Conflict, match="wait until"):
            self.again(parts, campaign_id)

    def test_nobody_left(self, parts: Container, campaign_id: int) -> None:  # noqa: F811
        send_campaign(parts.sending, campaign_id)
        with pytest.raises(Conflict, match="Nobody"):
            self.again(parts, campaign_id)


def new_campaign(session: Session, parts: Container, **options: Any) -> Campaign:  # noqa: F811
    readers = session.scalars(select(MailingList)).one()
    return campaigns.start_campaign(
        session, parts.queue, another_issue(session), [readers], actor="t", now=parts.clock.now(), **options
    )


class TestSchedules:
    @pytest.fixture
    def scheduled(self, parts: Container, campaign_id: int) -> int:  # noqa: F811
        """A campaign for a spring night whose hour does not exist."""
        with unit_of_work(parts.sessions) as session:
            plan = schedule_at("2027-03-28 02:30", "Europe/Berlin")
            return new_campaign(session, parts, schedule=plan).id

    def test_wall_time_and_zone_are_kept(self, parts: Container, scheduled: int) -> None:  # noqa: F811
        with parts.reading_sessions() as session:
            campaign = session.get_one(Campaign, scheduled)
            assert (campaign.wall_time, campaign.wall_zone) == ("2027-03-28T02:30:00", "Europe/Berlin")
            assert campaign.scheduled_at == datetime(2027, 3, 28, 1, tzinfo=UTC)

    def test_the_zones_rules_count_when_it_is_due(self, parts: Container, scheduled: int) -> None:  # noqa: F811
        """As if tzdata had moved the zone meanwhile: the stored instant is computed anew."""
        change(parts, scheduled, scheduled_at=parts.clock.now() - timedelta(minutes=5))
        swept(parts)
        with parts.reading_sessions() as session:
            campaign = session.get_one(Campaign, scheduled)
            assert (campaign.state, campaign.scheduled_at) == (
                "scheduled",
                datetime(2027, 3, 28, 1, tzinfo=UTC),
            )

    def test_taking_it_back_before_it_begins(
        self,
        parts: Container,  # noqa: F811
        scheduled: int,
        campaign_id: int,  # noqa: F811
    ) -> None:
        now = parts.clock.now()
        with unit_of_work(parts.sessions) as session:
            campaign = session.get_one(Campaign, scheduled)
            campaigns.unschedule(session, campaign, actor="a", now=now)
            assert campaign.state == "cancelled"
            readers = list(campaign.lists)
            again = campaigns.start_campaign(
                session, parts.queue, campaign.issue, readers, actor="a", now=now
            )
            assert again.id != scheduled
            with pytest.raises(Conflict):
                campaigns.unschedule(session, session.get_one(Campaign, campaign_id), actor="a", now=now)

    def test_moving_it(self, parts: Container, scheduled: int, campaign_id: int) -> None:  # noqa: F811
        now = parts.clock.now()
        with unit_of_work(parts.sessions) as session:
            campaign = session.get_one(Campaign, scheduled)
            with pytest.raises(InvalidInput):
                campaigns.reschedule(session, campaign, Schedule(now - timedelta(days=1)), actor="a", now=now)
            campaigns.reschedule(session, campaign, Schedule(now + timedelta(days=1)), actor="a", now=now)
            assert (campaign.wall_zone, campaign.scheduled_at) == (None, now + timedelta(days=1))
            begun = session.get_one(Campaign, campaign_id)
            with pytest.raises(Conflict):
                campaigns.reschedule(session, begun, Schedule(now + timedelta(days=1)), actor="a", now=now)
