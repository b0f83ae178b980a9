"""One campaign over the real path, timed: freeze, claim, merge, intent, SMTP, ledger. Then the books are checked."""

from __future__ import annotations

import csv
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measured import Measured
from newsletter.audience.csv_import import import_csv
from newsletter.audience.service import create_list, find_list
from newsletter.bootstrap import Container, build_container
from newsletter.content.service import import_document
from newsletter.content.values import Document
from newsletter.db import migrate
from newsletter.db.session import unit_of_work
from newsletter.delivery.campaigns import find_campaign, start_campaign
from newsletter.delivery.freeze import freeze_campaign
from newsletter.delivery.preflight import approve_checked
from newsletter.delivery.service import send_campaign
from newsletter.delivery.states import CampaignState
from newsletter.issues import service as issues
from newsletter.jobs import JobArgument, JobName
from newsletter.reporting.campaigns import campaign_report
from newsletter.sample import FEED
from newsletter.settings import load_settings
from tests.support.sink import Sink


class NoQueue:
    """Nobody else works here: the benchmark itself calls what a worker would."""

    def enqueue(self, job: JobName, **arguments: JobArgument) -> None:
        """Do nothing."""


@contextmanager
def prepared(
    folder: Path, sink: Sink, *, database_url: str, recipients: int, connections: int
) -> Iterator[Container]:
    """Make an installation with an approved issue and a list of readers; nothing of this is timed."""
    settings = load_settings(
        data_dir=folder,
        database_url=database_url,
        broker_url="memory://",
        smtp_url=f"smtp://127.0.0.1:{sink.port}",
        smtp_connections=connections,
    )
    parts = build_container(settings, queue=NoQueue())
    migrate.upgrade(parts.engine)
    _make_issue(parts)
    _make_readers(parts, folder / "readers.csv", recipients)
    try:
        yield parts
    finally:
        parts.dispose()


def _make_issue(parts: Container) -> None:
    now = parts.clock.now()
    with unit_of_work(parts.sessions) as session:
        publication = issues.create_publication(
            session,
            slug="letter",
            name="The Letter",
            sender="The Letter <letter@example.com>",
            postal_address="1 Hill Road, Exampleton",
        )
        import_document(session, Document(raw=FEED.read_bytes(), location=FEED.name), now=now)
        issue = issues.create_issue(session, publication, unsent=True)
        issues.edit_issue(
            session, issue, {"intro": "Dear {{first_name|reader}}, welcome."}, actor="benchmark"
        )
        approve_checked(session, issue, actor="benchmark", base_url=parts.settings.base_url)
        create_list(session, slug="readers", name="Readers", publication_id=publication.id, optin="double")


def _make_readers(parts: Container, path: Path, count: int) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["email", "name"])
        writer.writerows((f"reader{number}@example.com", f"Zoë Reader{number}") for number in range(count))
    import_csv(
        parts.sessions,
        path,
        list_slug="readers",
        consent="benchmark",
        confirmed=True,
        actor="benchmark",
        clock=parts.clock,
        secret=parts.settings.secret,
    )


def run_campaign(parts: Container, sink: Sink, *, sender: str, recipients: int) -> Measured:
    """Send the issue to everybody and hold the books against the sink's."""
    already = sink.count()
    campaign_id = _start(parts)
    start = time.perf_counter()
    freeze_campaign(parts.sessions, parts.queue, campaign_id)
    frozen, cpu = time.perf_counter(), _own_seconds()
    while _state(parts, campaign_id) == CampaignState.SENDING:
        send_campaign(parts.sending, campaign_id)
    end, cpu = time.perf_counter(), _own_seconds() - cpu
    _check_books(parts, campaign_id, sink.count() - already, recipients)
    return Measured(
        sender=sender,
        recipients=recipients,
        message_bytes=sink.store.stat().st_size // sink.count(),
        seconds=end - frozen,
        cpu_us=cpu / recipients * 1e6,
        freeze_seconds=frozen - start,
    )


def _start(parts: Container) -> int:
    with unit_of_work(parts.sessions) as session:
        campaign = start_campaign(
            session,
            parts.queue,
            issues.find_issue(session, "letter/1"),
            [find_list(session, "readers")],
            actor="benchmark",
            now=parts.clock.now(),
        )
        session.flush()
        return campaign.id


def _state(parts: Container, campaign_id: int) -> str:
    with parts.reading_sessions() as session:
        return find_campaign(session, str(campaign_id)).state


def _check_books(parts: Container, campaign_id: int, accepted: int, recipients: int) -> None:
    with parts.reading_sessions() as session:
        report = campaign_report(session, find_campaign(session, str(campaign_id)))
    if not (report.adds_up and report.sent == accepted == recipients):
        raise RuntimeError(
            f"The books do not agree: {report.equation}; the sink took {accepted} of {recipients}."
        )


def _own_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
