"""A campaign that goes wrong stops by itself, keeps the next one back, and goes on only after a person has looked (T7)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.accounts.models import AuditEntry
from newsletter.audience.models import MailingList
from newsletter.bootstrap import Container
from newsletter.db.session import unit_of_work
from newsletter.delivery.brakes.braking import KEPT, evaluate_brakes, forget_tallies, release_brakes
from newsletter.delivery.brakes.thresholds import Level
from newsletter.delivery.control import campaigns
from newsletter.delivery.dbtime import database_now
from newsletter.delivery.events import events_of
from newsletter.delivery.models import AttemptTally, Campaign
from newsletter.delivery.sending.tally import TallyRow, note_complaint, note_hard_bounce, write_tally
from newsletter.delivery.service import send_campaign
from newsletter.delivery.states import CampaignState
from newsletter.delivery.upkeep.sweep import sweep
from newsletter.errors import Conflict, InvalidInput
from newsletter.issues import service as issues
from newsletter.issues.models import Issue, Publication
from tests.stages.test_delivery_sending import campaign_id, parts, relay, states  # noqa: F401 - fixtures
from tests.support.relay import Relay
from tests.support.signed_in import Browser

ROW: TallyRow = {"group_name": "", "attempts": 0, "hard": 0, "policy": 0, "unwritable": 0, "complaints": 0}


def happened(session: Session, campaign_id: int, at: datetime | None = None, **counts: int | str) -> None:  # noqa: F811
    write_tally(session, campaign_id, [ROW | counts], at or database_now(session))


def brake(session: Session, campaign_id: int) -> Level:  # noqa: F811
    return evaluate_brakes(session, campaign_id, database_now(session)).level


def another_issue(session: Session) -> Issue:
    publication = session.scalars(select(Publication)).one()
    issue = issues.create_issue(session, publication)
    issues.approve_issue(session, issue, actor="t")
    session.flush()
    return issue


def stopped(parts: Container, campaign_id: int) -> None:  # noqa: F811
    with unit_of_work(parts.sessions) as session:
        happened(session, campaign_id, attempts=400, hard=20)
        assert brake(session, campaign_id) is Level.STOP


def test_the_sweep_stops_what_goes_wrong_and_says_why(parts: Container, campaign_id: int) -> None:  # noqa: F811
    with unit_of_work(parts.sessions) as session:
        happened(session, campaign_id, attempts=400, hard=20)
    sweep(parts.sessions, parts.queue, parts.sending.journal_folder)
    with parts.reading_sessions() as session:
        campaign = session.get_one(Campaign, campaign_id)
        assert (campaign.state, campaign.reason) == (
            "paused", "Stopped by its brakes: 5.0% of the addresses are dead (20 of 400).",
        )  # fmt: skip
        assert "campaign.brake" in session.scalars(select(AuditEntry.action)).all()


def test_dead_addresses_stop_a_real_send(
    parts: Container,  # noqa: F811
    campaign_id: int,  # noqa: F811
    relay: Relay,  # noqa: F811
) -> None:
    """A sender counts its own answers, and looks at the brakes when its task ends."""
    with unit_of_work(parts.sessions) as session:
        happened(session, campaign_id, attempts=194)
    relay.at_rcpt = lambda _address: "550 5.1.1 no such user"
    send_campaign(parts.sending, campaign_id)
    with parts.reading_sessions() as session:
        assert session.get_one(Campaign, campaign_id).braked_at is not None
        total = session.scalars(select(AttemptTally.hard).where(AttemptTally.group_name == "")).all()
        assert sum(total) == len(states(parts))


def test_a_warning_is_told_once(parts: Container, campaign_id: int) -> None:  # noqa: F811
    with unit_of_work(parts.sessions) as session:
        happened(session, campaign_id, attempts=400, hard=9)
        for _ in range(3):
            assert brake(session, campaign_id) is Level.WARN
            happened(session, campaign_id, attempts=10)
        told = [event.what for event in events_of(session, campaign_id) if "Warning" in event.what]
        assert len(told) == 1


def test_old_trouble_does_not_count(parts: Container, campaign_id: int) -> None:  # noqa: F811
    with unit_of_work(parts.sessions) as session:
        session.get_one(Campaign, campaign_id).created_at -= timedelta(hours=5)
        now = database_now(session)
        happened(session, campaign_id, now - timedelta(hours=2), attempts=400, unwritable=100)
        happened(
            session, campaign_id, now - timedelta(minutes=20), group_name="google", attempts=50, policy=50
        )
        happened(session, campaign_id, attempts=400)
        assert brake(session, campaign_id) is Level.FREE


def test_policy_refusals_of_one_group_stop_it(parts: Container, campaign_id: int) -> None:  # noqa: F811
    with unit_of_work(parts.sessions) as session:
        happened(session, campaign_id, attempts=1000)
        happened(session, campaign_id, group_name="google", attempts=50, policy=6)
        assert brake(session, campaign_id) is Level.STOP
        assert "google refuses us" in session.get_one(Campaign, campaign_id).reason


def test_what_feedback_read_counts(parts: Container, campaign_id: int) -> None:  # noqa: F811
    with unit_of_work(parts.sessions) as session:
        now = database_now(session)
        happened(session, campaign_id, attempts=400)
        for _ in range(3):
            note_complaint(session, campaign_id, now)
        note_hard_bounce(session, campaign_id, now)
        assert brake(session, campaign_id) is Level.STOP


def test_a_person_resumes_with_a_reason_and_the_same_events_do_not_stop_it_again(
    parts: Container,  # noqa: F811
    campaign_id: int,  # noqa: F811
) -> None:
    stopped(parts, campaign_id)
    with unit_of_work(parts.sessions) as session:
        campaign, now = session.get_one(Campaign, campaign_id), database_now(session)
        with pytest.raises(InvalidInput, match="reason"):
            campaigns.resume(session, parts.queue, campaign, actor="a", now=now)
        campaigns.resume(session, parts.queue, campaign, actor="a", reason="list cleaned", now=now)
    with unit_of_work(parts.sessions) as session:
        assert brake(session, campaign_id) is Level.FREE
        happened(session, campaign_id, attempts=200, hard=10)
        assert brake(session, campaign_id) is Level.STOP
    with parts.reading_sessions() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "campaign.release")).one()
        assert (entry.actor, entry.details) == ("a", {"reason": "list cleaned"})


def test_the_next_campaign_waits_until_a_person_has_looked(parts: Container, campaign_id: int) -> None:  # noqa: F811
    with unit_of_work(parts.sessions) as session:
        readers = session.scalars(select(MailingList)).one()
        now = parts.clock.now()
        due = campaigns.start_campaign(
            session, parts.queue, another_issue(session), [readers], actor="t", at=now + timedelta(hours=1), now=now
        ).id  # fmt: skip
    stopped(parts, campaign_id)
    with unit_of_work(parts.sessions) as session, pytest.raises(Conflict, match="stopped by its brakes"):
        campaigns.start_campaign(
            session, parts.queue, another_issue(session), [session.scalars(select(MailingList)).one()], actor="t", now=now
        )  # fmt: skip
    with unit_of_work(parts.sessions) as session:
        session.get_one(Campaign, due).scheduled_at = now - timedelta(minutes=1)
    sweep(parts.sessions, parts.queue, parts.sending.journal_folder)
    with unit_of_work(parts.sessions) as session:
        held = session.get_one(Campaign, due)
        assert (held.state, held.reason) == ("paused", f"campaign {campaign_id} was stopped by its brakes")
        with pytest.raises(Conflict, match="look at it first"):
            campaigns.resume(session, parts.queue, held, actor="t", now=now)
        campaigns.cancel(session, session.get_one(Campaign, campaign_id), actor="t", now=now)
        campaigns.resume(session, parts.queue, held, actor="t", now=now)


def test_complaints_after_the_end_hold_the_next_one_back(parts: Container, campaign_id: int) -> None:  # noqa: F811
    with unit_of_work(parts.sessions) as session:
        campaign, now = session.get_one(Campaign, campaign_id), database_now(session)
        campaign.state, campaign.ended_at = CampaignState.FINISHED.value, now
        happened(session, campaign_id, attempts=400, complaints=4)
        assert brake(session, campaign_id) is Level.STOP
        assert (campaign.state, campaign.braked_at is not None) == ("finished", True)
        release_brakes(session, campaign, actor="a", reason="seen", now=now)
        with pytest.raises(Conflict):
            release_brakes(session, campaign, actor="a", reason="seen", now=now)
        forget_tallies(session, now + KEPT + timedelta(hours=1))
        assert session.scalar(select(AttemptTally.id)) is None


def test_without_brakes_nothing_stops_it(parts: Container, campaign_id: int) -> None:  # noqa: F811
    with unit_of_work(parts.sessions) as session:
        session.get_one(Campaign, campaign_id).has_brakes = False
        happened(session, campaign_id, attempts=400, hard=400)
        assert brake(session, campaign_id) is Level.FREE


def test_the_page_asks_for_a_reason(parts: Container, campaign_id: int) -> None:  # noqa: F811
    stopped(parts, campaign_id)
    browser, address = Browser(parts, "editor"), f"/admin/campaigns/{campaign_id}"
    assert "The brakes stopped it" in browser.page(address)
    assert browser.send(f"{address}/resume").status_code == 422
    assert browser.send(f"{address}/resume", reason="looked").status_code == 303
    with parts.reading_sessions() as session:
        assert session.get_one(Campaign, campaign_id).state == "sending"
