"""Jobs as Celery messages, sent by name: this package never imports the workers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from newsletter.jobs import JobArgument, JobName
from newsletter.logs import logger

if TYPE_CHECKING:
    from celery import Celery

log = logger(__name__)


class CeleryQueue:
    """Sends hints to the broker. A broker that is away loses nothing: the sweep re-issues from the rows."""

    def __init__(self, app: Callable[[], Celery]) -> None:
        """Celery is made at the first hint: most commands send none."""
        self._app = app

    def enqueue(self, job: JobName, **arguments: JobArgument) -> None:
        """Send the hint, or note that the broker did not take it."""
        from kombu.exceptions import OperationalError

        try:
            self._app().send_task(job.value, kwargs=arguments, retry=False)
        except (OperationalError, ConnectionError, OSError) as error:
            log.warning("hint_lost", job=job.value, error=str(error)[:200])
