"""Fixtures for every folder of tests. Servers start at first use, on free ports, and end with the run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from newsletter.bootstrap import Container, build_container
from newsletter.db.session import Sessions, create_database_engine, create_sessions
from newsletter.schema import metadata
from newsletter.settings import Settings
from tests.servers import PostgresServer, RedisServer


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with every table, made once; tests work on copies of it."""
    path = tmp_path_factory.mktemp("empty") / "empty.db"
    engine = create_database_engine(f"sqlite:///{path}")
    metadata.create_all(engine)
    engine.dispose()  # the last connection writes the log back into the file
    return path


@pytest.fixture
def sessions(tmp_path: Path, empty_database: Path) -> Iterator[Sessions]:
    """A fresh SQLite database with every table."""
    copy = shutil.copy(empty_database, tmp_path / "test.db")
    engine = create_database_engine(f"sqlite:///{copy}")
    yield create_sessions(engine)
    engine.dispose()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real PostgreSQL on a free port."""
    with PostgresServer.started() as server:
        yield server


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """A fresh, empty database."""
    with postgres.database() as url:
        yield url


@pytest.fixture(scope="module")
def postgres_database(postgres: PostgresServer) -> Iterator[str]:
    """An empty database for a module's tests together."""
    with postgres.database() as url:
        yield url


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A real Redis (or Valkey) on a free port."""
    with RedisServer.started() as server:
        yield server


class RecordingQueue:
    """A job queue that remembers what it was asked for."""

    def __init__(self) -> None:
        self.jobs: list[tuple[str, dict[str, int | str]]] = []

    def enqueue(self, job: str, **arguments: int | str) -> None:
        """Note the job."""
        self.jobs.append((str(job), arguments))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Embedded settings in a folder of the test's own."""
    return Settings(
        _env_file=None,
        data_dir=tmp_path / "var",
        secret_key="a secret for tests, long enough",
        base_url="http://127.0.0.1:8025",
    )  # type: ignore[call-arg]


@pytest.fixture
def container(settings: Settings, empty_database: Path) -> Iterator[Container]:
    """A container on SQLite whose queue only records."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    shutil.copy(empty_database, settings.data_dir / "newsletter.db")
    parts = build_container(settings, queue=RecordingQueue())
    yield parts
    parts.dispose()
