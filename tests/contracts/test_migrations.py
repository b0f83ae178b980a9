"""The migrations make exactly what the models say, and can be taken back, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import alembic
import pytest
from sqlalchemy import Engine, inspect

from newsletter.db import migrate
from newsletter.db.session import create_database_engine
from newsletter.schema import metadata
from newsletter.settings import Settings


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'm.db'}"
    else:
        url = Settings(_env_file=None, database_url=request.getfixturevalue("postgres_url")).sqlalchemy_url  # type: ignore[call-arg]
    made = create_database_engine(url)
    yield made
    made.dispose()


def test_upgrade_leaves_no_drift(engine: Engine) -> None:
    migrate.upgrade(engine)
    assert migrate.current_revision(engine) == migrate.head_revision()
    assert migrate.drift(engine, metadata) == []


def test_upgrade_twice_is_harmless(engine: Engine) -> None:
    migrate.upgrade(engine)
    migrate.upgrade(engine)
    assert migrate.current_revision(engine) == migrate.head_revision()


def test_downgrade_leaves_nothing(engine: Engine) -> None:
    migrate.upgrade(engine)
    migrate.downgrade(engine)
    assert set(inspect(engine).get_table_names()) <= {"alembic_version"}


def test_sqlite_is_one_checkpointed_file(tmp_path: Path) -> None:
    engine = create_database_engine(f"sqlite:///{tmp_path / 'm.db'}")
    migrate.upgrade(engine)
    engine.dispose()
    wal = tmp_path / "m.db-wal"
    assert not wal.exists() or wal.stat().st_size == 0


def test_the_folder_of_migrations_does_not_shadow_the_package() -> None:
    assert "site-packages" in (alembic.__file__ or "")
    assert not (Path(migrate.asset("alembic")) / "__init__.py").exists()
