"""Migrations for SQLite and PostgreSQL. Run by `newsletter db upgrade`, which hands over its connection."""

from __future__ import annotations

from typing import Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import JSON, Connection

from newsletter.content.packed import PackedText
from newsletter.db.session import create_database_engine
from newsletter.db.types import UtcDateTime
from newsletter.schema import metadata
from newsletter.settings import load_settings


def render_item(kind: str, item: object, autogen_context: AutogenContext) -> str | Literal[False]:
    """Write our own column types by their short name, and JSON so that the migration needs no models."""
    if kind == "type" and isinstance(item, UtcDateTime):
        autogen_context.imports.add("from newsletter.db.types import UtcDateTime")
        return "UtcDateTime()"
    if kind == "type" and isinstance(item, PackedText):
        return "sa.LargeBinary()"
    if kind == "type" and isinstance(item, JSON):
        autogen_context.imports.add("from newsletter.db.types import Json")
        return "Json"
    return False


def compare_options(connection: Connection) -> dict[str, object]:
    """Return how models and database are compared."""
    return {
        "connection": connection,
        "target_metadata": metadata,
        "render_as_batch": connection.dialect.name == "sqlite",
        "compare_type": True,
        "render_item": render_item,
        "transaction_per_migration": True,
    }


def run(connection: Connection) -> None:
    """Run the migrations on `connection`."""
    context.configure(**compare_options(connection))
    with context.begin_transaction():
        context.run_migrations()


given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with create_database_engine(load_settings().sqlalchemy_url).connect() as own:
        run(own)
        own.commit()
