"""Keep the counts behind the reports."""

from __future__ import annotations

from celery import shared_task

from newsletter.jobs import JobName
from newsletter.reporting.folding import fold_campaigns
from newsletter.reporting.list_folding import fold_lists
from workers.factory import container


@shared_task(name=JobName.FOLD_REPORTS.value)
def fold_reports() -> None:
    """Count what may have changed."""
    parts = container()
    now = parts.clock.now()
    fold_campaigns(parts.sessions, parts.reading_sessions, now)
    fold_lists(parts.sessions, parts.reading_sessions, now)
