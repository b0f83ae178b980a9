"""Posts from an address or a file into a publication's tray."""

from __future__ import annotations

from sqlalchemy.orm import Session

from newsletter.adapters.http_client import SafeHttpClient
from newsletter.bootstrap import Container
from newsletter.content.gather import Gathered, gather
from newsletter.content.parse import parse
from newsletter.content.service import earlier_import, import_feed, note_unchanged
from newsletter.content.values import Document, ImportReport
from newsletter.db.session import unit_of_work
from newsletter.errors import InvalidInput
from newsletter.issues.models import Publication, PublicationSource
from newsletter.issues.service import archive_imported_issues, get_publication

MOST_FILE_BYTES = 64 * 1024 * 1024


def import_address(parts: Container, slug: str, address: str) -> ImportReport:
    """Fetch an address without holding a transaction open, then store what is new."""
    with parts.reading_sessions() as session:
        get_publication(session, slug)
        earlier = earlier_import(session, address)
    client = SafeHttpClient(allow_private=parts.settings.fetch_private_addresses)
    gathered = gather(client, address, earlier=earlier)
    with unit_of_work(parts.sessions) as session:
        publication = get_publication(session, slug)
        if gathered is not None:
            return _store(session, publication, gathered, parts)
        if earlier is None:
            raise InvalidInput("The site says that nothing changed, but nothing was imported from it before.")
        return _linked(session, publication, note_unchanged(session, earlier, parts.clock.now()))


def import_file(parts: Container, slug: str, name: str, raw: bytes) -> ImportReport:
    """Read an uploaded feed or export and store its posts.

    :raises InvalidInput: when it is too large or no feed.
    """
    if len(raw) > MOST_FILE_BYTES:
        raise InvalidInput(f"The file is larger than {MOST_FILE_BYTES // 2**20} MB: export it in parts.")
    document = Document(raw=raw, location=name)
    gathered = Gathered(parse(raw, location=name), document)
    with unit_of_work(parts.sessions) as session:
        return _store(session, get_publication(session, slug), gathered, parts)


def _store(session: Session, publication: Publication, gathered: Gathered, parts: Container) -> ImportReport:
    report = import_feed(session, gathered.feed, gathered.document, now=parts.clock.now())
    return _linked(session, publication, report)


def _linked(session: Session, publication: Publication, report: ImportReport) -> ImportReport:
    """From now on the source fills this publication's tray."""
    key = (publication.id, report.source_id)
    if report.source_id is not None and session.get(PublicationSource, key) is None:
        session.add(PublicationSource(publication_id=publication.id, source_id=report.source_id))
        session.flush()
    archive_imported_issues(session, publication)
    return report
