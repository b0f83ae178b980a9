"""Every job that code can ask for is known to the workers, and beat asks only for known ones."""

from __future__ import annotations

from newsletter.bootstrap import Container
from newsletter.jobs import JobName
from workers.factory import create_worker_app
from workers.schedule import BEAT_SCHEDULE


def test_workers_know_every_job(container: Container) -> None:
    app = create_worker_app(container)
    assert {job.value for job in JobName} <= set(app.tasks)


def test_beat_asks_for_known_jobs() -> None:
    assert {entry["task"] for entry in BEAT_SCHEDULE.values()} <= {job.value for job in JobName}
