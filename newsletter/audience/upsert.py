"""Statements over many rows at once, in the words of either database: one parameter, however many values."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import ColumnElement, String, Table, any_, cast, func, literal, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session
from sqlalchemy.types import JSON


def _is_postgresql(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"


def insert_if_new(session: Session, model: Any) -> Any:
    """Return an INSERT for `model` that leaves rows alone which some unique index already knows."""
    if _is_postgresql(session):
        return postgresql.insert(model).on_conflict_do_nothing()
    return sqlite.insert(model).on_conflict_do_nothing()


def among(session: Session, column: Any, values: Collection[Any]) -> ColumnElement[bool]:
    """Return `column IN values`; an IN with thousands of parameters costs both databases more than the search."""
    if _is_postgresql(session):
        return column == any_(literal(list(values), ARRAY(column.type)))  # type: ignore[no-any-return]
    wanted = func.json_each(json.dumps(list(values))).table_valued("value")
    return column.in_(select(wanted.c.value))  # type: ignore[no-any-return]


def insert_many(
    session: Session,
    table: Table,
    columns: Mapping[str, list[Any]],
    same: Mapping[str, Any],
    *,
    returning: list[str],
) -> list[Any]:
    """Insert rows given by columns, leaving out those that exist; `same` is alike in every row.

    PostgreSQL gets one array per column, which is several times as fast as a list of VALUES.
    """
    statement = insert_if_new(session, table)
    found = [table.c[name] for name in returning]
    if not _is_postgresql(session):
        each = zip(*columns.values(), strict=True)
        rows = [{**dict(zip(columns, values, strict=True)), **same} for values in each]
        return list(session.execute(statement.returning(*found), rows))
    arrays = [literal(_texts(table, name, values), ARRAY(String)) for name, values in columns.items()]
    given = func.unnest(*arrays).table_valued(*columns).render_derived()
    parts = [cast(given.c[name], table.c[name].type) for name in columns]
    constants = [literal(value, table.c[name].type).label(name) for name, value in same.items()]
    statement = statement.from_select([*columns, *same], select(*parts, *constants))
    return list(session.execute(statement.returning(*found)))


def _texts(table: Table, name: str, values: list[Any]) -> list[str | None]:
    if isinstance(table.c[name].type, JSON):
        return [json.dumps(value) for value in values]
    return values
