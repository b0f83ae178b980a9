"""Freeze: the audience becomes rows, in chunks by subscriber id, restartable at any point (R2).

Suppressed people become rows `suppressed`; two people of one address become one row. The audience never changes
afterwards.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Insert, case, exists, func, literal, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from newsletter.audience.models import Suppression
from newsletter.audience.selection import members
from newsletter.audience.suppressions import applies_to
from newsletter.db.session import Sessions, enqueue_after_commit, unit_of_work
from newsletter.delivery.dbtime import database_now
from newsletter.delivery.events import note
from newsletter.delivery.models import Campaign, Delivery
from newsletter.delivery.states import CampaignState, DeliveryState
from newsletter.jobs import JobName, JobQueue

CHUNK = 20_000
#: Hints sent when the audience stands, so that several processes start at once; the sweep adds more.
SENDER_HINTS = 4


def freeze_campaign(sessions: Sessions, queue: JobQueue, campaign_id: int) -> None:
    """Freeze chunk after chunk until the audience stands, then start sending. Safe to run twice, also at once."""
    while not _freeze_chunk(sessions, queue, campaign_id):
        pass


def _freeze_chunk(sessions: Sessions, queue: JobQueue, campaign_id: int) -> bool:
    """Freeze one chunk; return True when nothing is left to do."""
    with unit_of_work(sessions) as session:
        campaign = session.scalar(select(Campaign).where(Campaign.id == campaign_id).with_for_update())
        if campaign is None or campaign.state != CampaignState.FREEZING:
            return True
        if not campaign.freeze_cursor:
            refresh_statistics(session, "subscribers, subscriptions, suppressions")
        last = _last_of_chunk(session, campaign)
        if last is None:
            _begin_sending(session, queue, campaign)
            return True
        session.execute(_insert_chunk(session, campaign, last))
        campaign.freeze_cursor = last
        return False


def _last_of_chunk(session: Session, campaign: Campaign) -> int | None:
    audience = members([one.id for one in campaign.lists]).subquery()
    following = (
        select(audience.c.id)
        .where(audience.c.id > campaign.freeze_cursor)
        .order_by(audience.c.id)
        .limit(CHUNK)
        .subquery()
    )
    last: int | None = session.scalar(select(func.max(following.c.id)))
    return last


def _insert_chunk(session: Session, campaign: Campaign, last: int) -> Insert:
    audience = members([one.id for one in campaign.lists]).subquery()
    publication_id = campaign.issue.publication_id
    blocked = exists(
        select(Suppression.id).where(
            Suppression.address_key == audience.c.address_key, applies_to(publication_id)
        )
    )
    has_it = _has_it_already(campaign, audience.c.id)
    rows = (
        select(
            literal(campaign.id), audience.c.id, audience.c.email, audience.c.address_key,
            case(
                (blocked, int(DeliveryState.SUPPRESSED)), (has_it, int(DeliveryState.SKIPPED)),
                else_=int(DeliveryState.QUEUED),
            ),
            case((blocked, "suppressed"), (has_it, "already"), else_=None),
            literal(0), literal(0), literal(0),
        )
        .where(audience.c.id > campaign.freeze_cursor, audience.c.id <= last)
        .order_by(audience.c.id)
    )  # fmt: skip
    columns = [
        "campaign_id",
        "subscriber_id",
        "address",
        "address_key",
        "state",
        "reason",
        "attempts",
        "crashes",
        "fence",
    ]
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    made: Insert = dialect.insert(Delivery).from_select(columns, rows).on_conflict_do_nothing()
    return made


def _has_it_already(campaign: Campaign, subscriber_id: ColumnElement[int]) -> ColumnElement[bool]:
    """Return the condition that another campaign of this issue reached the person, or still may: one issue, one mail."""
    spared = [
        int(state)
        for state in (
            DeliveryState.FAILED,
            DeliveryState.SUPPRESSED,
            DeliveryState.SKIPPED,
            DeliveryState.EXPIRED,
        )
    ]
    return exists(
        select(Delivery.id)
        .join(Campaign, Campaign.id == Delivery.campaign_id)
        .where(
            Delivery.subscriber_id == subscriber_id, Campaign.issue_id == campaign.issue_id, Campaign.id != campaign.id,
            Delivery.state.not_in(spared),
        )
    )  # fmt: skip


def _begin_sending(session: Session, queue: JobQueue, campaign: Campaign) -> None:
    now = database_now(session)
    count = session.scalar(select(func.count()).where(Delivery.campaign_id == campaign.id)) or 0
    campaign.state, campaign.frozen_at, campaign.audience = CampaignState.SENDING.value, now, count
    note(
        session,
        campaign.id,
        f"The audience stands: {count:,} {'person' if count == 1 else 'people'}.",
        now=now,
    )
    refresh_statistics(session, "deliveries")
    for _ in range(SENDER_HINTS):
        enqueue_after_commit(session, queue, JobName.SEND_CAMPAIGN, campaign_id=campaign.id)


def refresh_statistics(session: Session, tables: str) -> None:
    """Tell PostgreSQL's planner what was just written.

    Right after an import, before autovacuum came by, the freeze of 5,000 people took 7.5 s and each round of intents
    read the whole campaign; with statistics the freeze takes 0.6 s.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text(f"ANALYZE {tables}"))
