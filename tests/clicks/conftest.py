"""A container whose time a test moves, and a browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from newsletter.bootstrap import Container, build_container
from newsletter.settings import Settings
from newsletter.web.app import create_app
from tests.conftest import RecordingQueue
from tests.support.counted import BROWSER, HandClock
from tests.support.signed_in import TestClient


@pytest.fixture
def clock() -> HandClock:
    return HandClock(datetime(2026, 11, 25, 9, tzinfo=UTC))


@pytest.fixture
def parts(settings: Settings, empty_database: Path, clock: HandClock) -> Iterator[Container]:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    shutil.copy(empty_database, settings.data_dir / "newsletter.db")
    made = build_container(settings, queue=RecordingQueue(), clock=clock)
    yield made
    made.clicks.close()
    made.dispose()


@pytest.fixture
def visitor(parts: Container) -> TestClient:
    return TestClient(
        create_app(parts), base_url="http://127.0.0.1:8025", headers=BROWSER, follow_redirects=False
    )
