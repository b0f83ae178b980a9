"""The Celery application's configuration, shared by those who send hints and those who work on them."""

from __future__ import annotations

from celery import Celery

from newsletter.settings import Settings

#: Longer than ten times the longest task (30 s), so that Redis never redelivers a task that still runs.
VISIBILITY_TIMEOUT_SECONDS = 600


def create_celery(settings: Settings) -> Celery:
    """Return an app for `settings.broker_url`: JSON only, late acks, no results, prefetch 1."""
    app = Celery("newsletter", broker=settings.broker_url)
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_transport_options=_transport_options(settings),
        task_publish_retry=False,
        worker_soft_shutdown_timeout=20,
        timezone="UTC",
        enable_utc=True,
        task_default_queue="newsletter",
    )
    return app


def _transport_options(settings: Settings) -> dict[str, float]:
    if settings.embedded:
        # The default polling interval of memory:// is one second: four tasks a second.
        return {"polling_interval": 0.01}
    if settings.broker_url.startswith("redis"):
        return {
            "visibility_timeout": VISIBILITY_TIMEOUT_SECONDS,
            "unacked_restore_interval": 1,
            "unacked_restore_throttle": 1,
            "socket_timeout": 15,
            "socket_connect_timeout": 5,
        }
    return {}
