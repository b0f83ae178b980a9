"""Time by the database's clock: leases are compared by one clock, whatever the workers' machines believe."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import ColumnElement

from newsletter.db.types import UtcDateTime


class database_time(ColumnElement[Any]):
    """`now + seconds` as an SQL expression; on PostgreSQL the wall clock, not the transaction's start."""

    inherit_cache = True
    type = UtcDateTime()
    _traverse_internals = [("seconds", __import__("sqlalchemy").sql.visitors.InternalTraversal.dp_plain_obj)]  # noqa: RUF012

    def __init__(self, seconds: int = 0) -> None:
        self.seconds = int(seconds)


@compiles(database_time, "postgresql")
def _postgresql(element: database_time, _compiler: Any, **_: Any) -> str:
    return f"(clock_timestamp() + interval '{element.seconds} seconds')"


@compiles(database_time, "sqlite")
def _sqlite(element: database_time, _compiler: Any, **_: Any) -> str:
    return f"(strftime('%Y-%m-%d %H:%M:%f', 'now', '{element.seconds:+d} seconds') || '000')"
