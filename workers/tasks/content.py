"""Fetch a source again."""

from __future__ import annotations

from celery import shared_task

from newsletter.adapters.http_client import SafeHttpClient
from newsletter.content.models import Source
from newsletter.content.service import import_document
from newsletter.db.session import unit_of_work
from newsletter.errors import NewsletterError
from newsletter.jobs import JobName
from workers.factory import container


@shared_task(name=JobName.IMPORT_SOURCE.value)
def import_source(source_id: int) -> None:
    """Fetch and import one source; a failure is kept on the source for the desk to show."""
    parts = container()
    with parts.reading_sessions() as session:
        source = session.get_one(Source, source_id)
    client = SafeHttpClient(allow_private=parts.settings.fetch_private_addresses)
    try:
        document = client.fetch(source.location, etag=source.etag, last_modified=source.last_modified)
        if document is not None:
            with unit_of_work(parts.sessions) as session:
                import_document(session, document, now=parts.clock.now())
    except NewsletterError as error:
        with unit_of_work(parts.sessions) as session:
            session.get_one(Source, source_id).last_error = str(error)
