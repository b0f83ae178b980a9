"""The Celery entry point: `celery -A workers.app worker`."""

from __future__ import annotations

from workers.factory import create_worker_app

app = create_worker_app()
