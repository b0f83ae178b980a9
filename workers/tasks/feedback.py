"""Take in refusals and returned mail: each a few lines around the feedback stage."""

from __future__ import annotations

from celery import shared_task
from sqlalchemy.exc import SQLAlchemyError

from newsletter.db.session import unit_of_work
from newsletter.errors import NewsletterError
from newsletter.feedback import service
from newsletter.feedback.engagement import counting as engagement
from newsletter.feedback.mailboxes.fetching import Intake
from newsletter.feedback.mailboxes.rounds import visit_if_due
from newsletter.feedback.webhooks import processing
from newsletter.jobs import JobName
from workers.factory import container


@shared_task(name=JobName.APPLY_REJECTIONS.value)
def apply_rejections(campaign_id: int) -> None:
    """Take in the 5xx of a campaign, batch by batch."""
    parts = container()
    taken = 1
    while taken:
        with unit_of_work(parts.sessions) as session:
            taken = service.apply_rejections(session, campaign_id, parts.clock.now())


@shared_task(name=JobName.APPLY_RETURNED_MAIL.value)
def apply_returned_mail(returned_mail_id: int) -> None:
    """Take in one returned mail. One that cannot be read is put aside; trouble with the database is tried again later."""
    parts = container()
    service.apply_or_set_aside(parts.sessions, returned_mail_id, keyring=parts.keyring, now=parts.clock.now())


@shared_task(name=JobName.APPLY_PROVIDER_REQUEST.value)
def apply_provider_request(request_id: int) -> None:
    """Take in what a provider told, part by part. What cannot be read is put aside."""
    parts = container()
    now = parts.clock.now()
    try:
        has_more = True
        while has_more:
            with unit_of_work(parts.sessions) as session:
                has_more = processing.apply_request(session, request_id, keyring=parts.keyring, now=now)
    except (NewsletterError, SQLAlchemyError):
        raise
    except Exception as error:
        with unit_of_work(parts.sessions) as session:
            processing.mark_failed(session, request_id, repr(error), now=now)
        raise


@shared_task(name=JobName.COUNT_HITS.value)
def count_hits() -> None:
    """Judge the clicks and opens whose surroundings are known, batch by batch."""
    parts = container()
    counted = 1
    while counted:
        with unit_of_work(parts.sessions) as session:
            counted = engagement.count_hits(session, parts.clock.now())


@shared_task(name=JobName.SWEEP_FEEDBACK.value)
def sweep_feedback() -> None:
    """Ask again for what was forgotten."""
    parts = container()
    with unit_of_work(parts.sessions) as session:
        service.sweep_feedback(session, parts.queue, parts.clock.now())


@shared_task(name=JobName.FETCH_RETURNED_MAIL.value)
def fetch_returned_mail() -> None:
    """Visit the mailbox when that is due, and once more when it holds more than one visit takes."""
    from newsletter.adapters.mailboxes import open_mailbox

    parts = container()
    place = parts.mailbox
    if place is None:
        return
    intake = Intake(parts.sessions, parts.queue, parts.clock, place.protocol)
    found = visit_if_due(place, open_mailbox, intake, every_seconds=parts.settings.mailbox_seconds)
    if found is not None and found.more:
        parts.queue.enqueue(JobName.FETCH_RETURNED_MAIL)
