"""Fetch a source again.

Readers of feeds and pages are loaded by the job itself: a worker process that only sends does without their 15 MB.
"""

from __future__ import annotations

from celery import shared_task

from newsletter.bootstrap import Container
from newsletter.content.models import Source
from newsletter.db.session import unit_of_work
from newsletter.errors import NewsletterError
from newsletter.jobs import JobName
from workers.factory import container


@shared_task(name=JobName.IMPORT_SOURCE.value)
def import_source(source_id: int) -> None:
    """Fetch and import one source; a failure is kept on the source for the desk to show."""
    parts = container()
    with parts.reading_sessions() as session:
        location = session.get_one(Source, source_id).location
    try:
        import_again(parts, location)
    except NewsletterError as error:
        with unit_of_work(parts.sessions) as session:
            session.get_one(Source, source_id).last_error = str(error)


def import_again(parts: Container, location: str) -> None:
    """Fetch an address without holding a transaction open, then store what is new."""
    from newsletter.adapters.http_client import SafeHttpClient
    from newsletter.content.gather import gather
    from newsletter.content.service import earlier_import, import_feed, note_unchanged

    with parts.reading_sessions() as session:
        earlier = earlier_import(session, location)
    client = SafeHttpClient(allow_private=parts.settings.fetch_private_addresses)
    gathered = gather(client, location, earlier=earlier)
    now = parts.clock.now()
    with unit_of_work(parts.sessions) as session:
        if gathered is not None:
            import_feed(session, gathered.feed, gathered.document, now=now)
        elif earlier is not None:
            note_unchanged(session, earlier, now)
