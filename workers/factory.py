"""Makes the worker's Celery app and the container its tasks use."""

from __future__ import annotations

from typing import Any

from celery import Celery
from celery.signals import worker_process_init

from newsletter.bootstrap import Container, build_container
from newsletter.logs import configure_logs
from newsletter.settings import load_settings
from workers import draining, memory
from workers.schedule import BEAT_SCHEDULE

_current: Container | None = None


def container() -> Container:
    """Return this process's container, made from settings at first use."""
    global _current
    if _current is None:
        _current = build_container(load_settings())
    return _current


def use_container(given: Container) -> None:
    """Work with the caller's container: embedded mode and tests."""
    global _current
    _current = given


def create_worker_app(given: Container | None = None) -> Celery:
    """Return the app with every task registered and the beat schedule set."""
    if given is not None:
        use_container(given)
    configure_logs()
    app = container().celery
    app.set_default()
    app.conf.beat_schedule = BEAT_SCHEDULE
    app.conf.imports = (
        "workers.tasks.content",
        "workers.tasks.delivery",
        "workers.tasks.feedback",
        "workers.tasks.reporting",
        "workers.tasks.upkeep",
    )
    app.loader.import_default_modules()
    app.finalize()
    worker_process_init.connect(_forget_parent_connections, weak=False)
    draining.connect()
    memory.connect()
    return app


def _forget_parent_connections(**_: Any) -> None:
    if _current is not None:
        _current.dispose(close=False)
