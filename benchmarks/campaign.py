"""One campaign over the real path, timed: freeze, claim, merge, intent, SMTP, ledger. Then the books are checked."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.letter import make_letter, make_readers, start_letter
from benchmarks.sink import Sink, cpu_seconds_of
from newsletter.bootstrap import Container, build_container
from newsletter.delivery.control.campaigns import find_campaign
from newsletter.delivery.control.freeze import freeze_campaign
from newsletter.delivery.service import send_campaign
from newsletter.delivery.states import CampaignState
from newsletter.jobs import JobArgument, JobName
from newsletter.reporting.campaigns import CampaignReport, campaign_report
from newsletter.settings import Settings
from tests.support.installation import Installation

CONNECTIONS = 20
FINISH_SECONDS = 1800


class NoQueue:
    """Embedded, the benchmark itself calls what a worker would."""

    def enqueue(self, job: JobName, **arguments: JobArgument) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class Sent:
    """A finished campaign: seconds from the first claim to the end, and what the senders used."""

    recipients: int
    seconds: float
    cpu_us: float
    peak_mb: float
    freeze_rate: float


@dataclass
class Bench:
    """An installation with a letter and its readers."""

    place: Installation
    parts: Container
    message_bytes: int
    recipients: int

    def embedded(self) -> Sent:
        """Send in this process, as the embedded worker does."""
        campaign_id, freeze_rate = self._frozen()
        cpu, start = time.process_time(), time.perf_counter()
        while self._report(campaign_id).state == CampaignState.SENDING:
            send_campaign(self.parts.sending, campaign_id)
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        self._check_books(campaign_id)
        return Sent(self.recipients, seconds, cpu / self.recipients * 1e6, peak_mb(os.getpid()), freeze_rate)

    def with_workers(self, *, processes: int) -> Sent:
        """Send with Celery's prefork workers; they find the campaign by their own sweep."""
        campaign_id, freeze_rate = self._frozen()
        with self.place.running("worker", "--concurrency", str(processes)) as worker:
            children = wait_for_children(worker.pid, processes)
            before = {pid: cpu_seconds_of(pid) for pid in children}
            with self.place.running("beat"):
                report = self._wait_for_end(campaign_id)
                used = sum(cpu_seconds_of(pid) - before[pid] for pid in children)
                peak = max(peak_mb(pid) for pid in children)
        self._check_books(campaign_id)
        assert report.started_at is not None
        assert report.ended_at is not None
        seconds = (report.ended_at - report.started_at).total_seconds()
        return Sent(self.recipients, seconds, used / self.recipients * 1e6, peak, freeze_rate)

    def _frozen(self) -> tuple[int, float]:
        campaign_id, start = start_letter(self.parts), time.perf_counter()
        freeze_campaign(self.parts.sessions, self.parts.queue, campaign_id)
        return campaign_id, self.recipients / (time.perf_counter() - start)

    def _wait_for_end(self, campaign_id: int) -> CampaignReport:
        end = time.monotonic() + FINISH_SECONDS
        while time.monotonic() < end:
            time.sleep(0.25)
            with self.parts.reading_sessions() as session:
                over = find_campaign(session, str(campaign_id)).ended_at is not None
            if over:
                return self._report(campaign_id)
        raise RuntimeError(f"The campaign did not end within {FINISH_SECONDS} s: {self._report(campaign_id)}")

    def _report(self, campaign_id: int) -> CampaignReport:
        with self.parts.reading_sessions() as session:
            return campaign_report(session, find_campaign(session, str(campaign_id)))

    def _check_books(self, campaign_id: int) -> None:
        report = self._report(campaign_id)
        if not (report.adds_up and report.sent == self.recipients):
            raise RuntimeError(f"The books do not agree: {report.equation}")


@contextmanager
def bench(
    folder: Path,
    sink: Sink,
    *,
    database_url: str,
    broker_url: str,
    recipients: int,
    kilobytes: int,
    connections: int = CONNECTIONS,
    dkim: Sequence[str] = (),
) -> Iterator[Bench]:
    """Make an installation with a letter and readers; nothing of this is timed."""
    place = Installation.at(
        folder, database_url=database_url, broker_url=broker_url, smtp_url=f"smtp://127.0.0.1:{sink.port}",
        smtp_connections=str(connections),
    )  # fmt: skip
    prefix = "NEWSLETTER_"
    given = {name.removeprefix(prefix).lower(): value for name, value in place.environment.items() if name.startswith(prefix)}  # fmt: skip
    own = {"queue": NoQueue()} if broker_url.startswith("memory") else {}
    parts = build_container(Settings(_env_file=None, **given), **own)  # type: ignore[arg-type]
    try:
        size = make_letter(parts, kilobytes=kilobytes, dkim=dkim)
        make_readers(parts, recipients, folder)
        yield Bench(place, parts, size, recipients)
    finally:
        parts.dispose()


def wait_for_children(pid: int, count: int) -> list[int]:
    """Return the pool processes of a worker once they are there."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    for _ in range(600):
        children = [int(word) for word in path.read_text(encoding="ascii").split()]
        if len(children) >= count:
            return children
        time.sleep(0.1)
    raise RuntimeError("the worker's processes did not start")


def peak_mb(pid: int) -> float:
    """Return the largest resident size that a process had, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0
