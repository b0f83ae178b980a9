"""Freeze, send, sweep: each a few lines around the delivery stage."""

from __future__ import annotations

from celery import shared_task

from newsletter.db.session import unit_of_work
from newsletter.delivery.control.freeze import freeze_campaign
from newsletter.delivery.oneoff import send_confirmation
from newsletter.delivery.rehearsing.comparing import compare_campaign
from newsletter.delivery.service import may_send, send_campaign
from newsletter.delivery.upkeep.sweep import sweep
from newsletter.jobs import JobName
from workers.factory import container


@shared_task(name=JobName.FREEZE_CAMPAIGN.value)
def freeze(campaign_id: int) -> None:
    """Turn the audience into rows."""
    parts = container()
    if may_send(parts.sending):
        freeze_campaign(parts.sessions, parts.queue, campaign_id)


@shared_task(name=JobName.SEND_CAMPAIGN.value)
def send(campaign_id: int) -> None:
    """Campaign C may have work."""
    send_campaign(container().sending, campaign_id)


@shared_task(name=JobName.COMPARE_CAMPAIGN.value)
def compare(campaign_id: int) -> None:
    """Hold a campaign's rows against its rehearsal."""
    parts = container()
    compare_campaign(parts.sessions, parts.queue, parts.sending.room, campaign_id)


@shared_task(name=JobName.SWEEP_DELIVERIES.value)
def sweep_deliveries() -> None:
    """Put right what was lost."""
    parts = container()
    if may_send(parts.sending):
        sweep(parts.sessions, parts.queue, parts.sending.journal_folder)


@shared_task(name=JobName.SEND_CONFIRMATION.value)
def confirmation(subscription_id: int) -> None:
    """Send a double opt-in mail."""
    parts = container()
    with unit_of_work(parts.sessions) as session:
        send_confirmation(
            session,
            subscription_id,
            room=parts.sending.room,
            target=parts.sending.target,
            now=parts.clock.now(),
        )
