"""What the workers call: send a campaign's rows for a while, and look after what comes next."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.clock import Clock
from newsletter.db.session import Sessions, enqueue_after_commit, unit_of_work
from newsletter.delivery.brakes.braking import evaluate_brakes
from newsletter.delivery.brakes.thresholds import Level
from newsletter.delivery.control.links import keep_links
from newsletter.delivery.dbtime import database_now
from newsletter.delivery.events import note_once
from newsletter.delivery.instance import adopt_fresh, tell_campaigns
from newsletter.delivery.limits.service import Limits
from newsletter.delivery.models import Campaign, Delivery, of_campaign
from newsletter.delivery.relays.service import routes_for
from newsletter.delivery.sending.engine import Sender
from newsletter.delivery.sending.outgoing import MailRoom, campaign_mail
from newsletter.delivery.sending.writing import Mail
from newsletter.delivery.smtp.target import SmtpTarget
from newsletter.delivery.states import CampaignState, DeliveryState
from newsletter.delivery.upkeep.sweep import end_if_done, has_queued
from newsletter.issues.service import mark_sent
from newsletter.jobs import JobName, JobQueue

#: One sender of a campaign per process: the threads of the embedded worker would only compete for SQLite.
_busy: set[int] = set()
_busy_lock = threading.Lock()
#: Where the last sender of a campaign in this process stopped claiming: the next need not walk over what is done.
_cursors: dict[int, int] = {}


@dataclass(frozen=True)
class SendingParts:
    """What sending needs of the installation."""

    sessions: Sessions
    queue: JobQueue
    clock: Clock
    room: MailRoom
    target: SmtpTarget
    data_dir: Path
    connections: int
    limits: Limits

    @property
    def journal_folder(self) -> Path:
        """Where senders of this host keep their journals."""
        return self.data_dir / "journal"


def may_send(parts: SendingParts) -> bool:
    """Say whether this database is ours (R16); when it is not, its campaigns say why they stand."""
    with unit_of_work(parts.sessions) as session:
        now = database_now(session)
        if adopt_fresh(session, parts.room.instance, now=now):
            return True
        tell_campaigns(session, now=now)
        return False


def send_campaign(parts: SendingParts, campaign_id: int) -> None:
    """Send for at most one task's time; ask for another task while rows remain."""
    if not may_send(parts):
        return
    with _busy_lock:
        if campaign_id in _busy:
            return
        _busy.add(campaign_id)
    try:
        _send(parts, campaign_id)
    finally:
        with _busy_lock:
            _busy.discard(campaign_id)


def _send(parts: SendingParts, campaign_id: int) -> None:
    sender = _sender(parts, campaign_id)
    if sender is None:
        return
    claimed = sender.run()
    _cursors[campaign_id] = sender.claimer.cursor
    _after(parts, campaign_id, claimed, sender.troubles)


def _sender(parts: SendingParts, campaign_id: int) -> Sender | None:
    """Return a sender for a campaign that sends: its mail, the relays for its From domain, and the limits on both."""
    with unit_of_work(parts.sessions) as session:
        campaign = session.get(Campaign, campaign_id)
        if campaign is None or campaign.state != CampaignState.SENDING:
            return None
        mail = campaign_mail(parts.room, campaign)
        keep_links(session, campaign.issue_id, mail.message)
        routes = routes_for(
            session, parts.room.sealer, mail.snapshot.publication.from_domain, fallback=parts.target,
            monotonic=parts.clock.monotonic,
        )  # fmt: skip
        first_row = campaign.first_row
    names = [relay.name for relay in routes.relays]
    return Sender(
        sessions=parts.sessions, clock=parts.clock, routes=routes, scope=mail.scope,
        mail=Mail(mail.prepare, mail.is_costly, mail.message.names_since, mail.message.has_choices),
        journal_folder=parts.journal_folder,
        connections=parts.connections, cursor=_cursors.get(campaign_id, first_row), first_row=first_row,
        gate=parts.limits.gate_for(campaign_id, relays=names, connections=parts.connections),
    )  # fmt: skip


def _after(parts: SendingParts, campaign_id: int, claimed: int, troubles: list[str]) -> None:
    """Note what happened; the worker that recorded the last row ends the campaign at once."""
    with unit_of_work(parts.sessions) as session:
        campaign = session.get_one(Campaign, campaign_id)
        now = database_now(session)
        if claimed:
            campaign.last_result_at = now
            _mark_sent(parts, session, campaign)
            enqueue_after_commit(session, parts.queue, JobName.APPLY_REJECTIONS, campaign_id=campaign_id)
        if troubles:
            note_once(session, campaign_id, f"The relay is in trouble: {troubles[-1][:300]}", now=now)
        stopped = evaluate_brakes(session, campaign_id, now).level is Level.STOP
        if stopped or end_if_done(session, parts.queue, campaign_id) or troubles:
            return  # the sweep sends the next hint after a trouble, seconds later
        if campaign.state == CampaignState.SENDING and has_queued(session, campaign_id):
            enqueue_after_commit(session, parts.queue, JobName.SEND_CAMPAIGN, campaign_id=campaign_id)


def _mark_sent(parts: SendingParts, session: Session, campaign: Campaign) -> None:
    one = (
        select(Delivery.id)
        .where(of_campaign(campaign.id), Delivery.state == int(DeliveryState.SENT))
        .limit(1)
    )
    if session.scalar(one) is not None:
        mark_sent(session, campaign.issue_id, parts.clock.now())
