"""A rehearsal writes everybody's message and sends none; the real send is held against its hash."""

from __future__ import annotations

from newsletter.audience.models import MailingList, Subscriber
from newsletter.audience.suppressions import suppress
from newsletter.bootstrap import Container
from newsletter.db.session import unit_of_work
from newsletter.delivery.models import Campaign
from newsletter.delivery.rehearsal import Rehearsal, rehearsal_of, rehearse
from newsletter.delivery.service import send_campaign
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
        session.get_one(Subscriber, 1).email = "jürgen@example.com"
    found = of_lists(parts, campaign_id)
    assert (found.failed, [each for each, _ in found.failures]) == (1, ["jürgen@example.com"])
