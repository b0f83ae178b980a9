"""Migrations from code: upgrade, downgrade and the question whether the schema is current."""

from __future__ import annotations

from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, MetaData
from sqlalchemy.exc import OperationalError

from newsletter.assets import asset
from newsletter.errors import Unavailable


def alembic_config(connection: Connection | None = None) -> Config:
    """Return a configuration that works from a wheel and from a checkout."""
    config = Config()
    config.set_main_option("script_location", str(asset("alembic")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the schema up to `revision`; leaves SQLite as one checkpointed file.

    :raises Unavailable: when the database cannot be reached.
    """
    try:
        with engine.begin() as connection:
            command.upgrade(alembic_config(connection), revision)
    except OperationalError as error:
        raise Unavailable(f"Cannot migrate the database: {str(error.orig).splitlines()[0]}") from error
    if engine.dialect.name == "sqlite":
        _checkpoint(engine)


def _checkpoint(engine: Engine) -> None:
    raw = engine.raw_connection()
    try:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        raw.close()


def downgrade(engine: Engine, revision: str = "base") -> None:
    """Take the schema back to `revision`."""
    with engine.begin() as connection:
        command.downgrade(alembic_config(connection), revision)


def current_revision(engine: Engine) -> str | None:
    """Return the revision the database is at, None when it is empty."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head_revision() -> str | None:
    """Return the newest revision this code knows."""
    return ScriptDirectory.from_config(alembic_config()).get_current_head()


def drift(engine: Engine, metadata: MetaData) -> list[Any]:
    """Return the differences between models and database; empty when there are none."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, metadata))
