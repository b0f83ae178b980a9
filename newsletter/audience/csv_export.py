"""Export as CSV or JSON lines, streamed; our own import reads the CSV back unchanged (S14)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Row, Select, null, select
from sqlalchemy.orm import Session

from newsletter.audience.csv_guard import csv_line
from newsletter.audience.lists import find_list
from newsletter.audience.models import MailingList, Subscriber, Subscription
from newsletter.audience.states import SubscriptionState
from newsletter.audience.upsert import among
from newsletter.errors import InvalidInput

_CHUNK: Final = 2000
_FIXED: Final = ("email", "name", "language")


def export_subscribers(
    session: Session, *, list_slug: str | None = None, format: str = "csv"
) -> Iterator[str]:
    """Yield the lines of the export: everybody, or everybody ever on one list with their state there.

    :raises InvalidInput: for a format we do not write.
    :raises NotFound: when there is no such list.
    """
    if format not in ("csv", "jsonl"):
        raise InvalidInput(f"Cannot write {format!r}: choose csv or jsonl.")
    list_id = find_list(session, list_slug).id if list_slug else None
    return _csv(session, list_id) if format == "csv" else _jsonl(session, list_id)


def _people(list_id: int | None) -> Select[Any]:
    person = (Subscriber.id, Subscriber.email, Subscriber.name, Subscriber.language, Subscriber.attributes)
    if list_id is None:
        return select(*person, null().label("state"), null().label("confirmed_at"))
    query = select(*person, Subscription.state, Subscription.confirmed_at)
    return query.join(Subscription).where(Subscription.list_id == list_id)


def _chunks(session: Session, list_id: int | None) -> Iterator[list[Row[Any]]]:
    last = 0
    while True:
        query = _people(list_id).where(Subscriber.id > last).order_by(Subscriber.id).limit(_CHUNK)
        rows = list(session.execute(query))
        if not rows:
            return
        yield rows
        last = rows[-1].id


def _lists_of(session: Session, rows: list[Row[Any]]) -> dict[int, list[str]]:
    query = (
        select(Subscription.subscriber_id, MailingList.slug)
        .join(MailingList)
        .where(among(session, Subscription.subscriber_id, [row.id for row in rows]))
        .where(Subscription.state == SubscriptionState.CONFIRMED)
        .order_by(MailingList.slug)
    )
    found: dict[int, list[str]] = {}
    for subscriber_id, slug in session.execute(query):
        found.setdefault(subscriber_id, []).append(slug)
    return found


def _csv(session: Session, list_id: int | None) -> Iterator[str]:
    titles = sorted({title for rows in _chunks(session, list_id) for row in rows for title in row.attributes})
    membership = ("lists",) if list_id is None else ("state", "confirmed_at")
    yield csv_line([*_FIXED, *membership, *titles])
    for rows in _chunks(session, list_id):
        lists = _lists_of(session, rows) if list_id is None else {}
        for row in rows:
            cells = [row.email, row.name, row.language or ""]
            if list_id is None:
                cells.append(" ".join(lists.get(row.id, [])))
            else:
                cells += [row.state, row.confirmed_at.isoformat() if row.confirmed_at else ""]
            yield csv_line([*cells, *(_cell(row.attributes.get(title)) for title in titles)])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _jsonl(session: Session, list_id: int | None) -> Iterator[str]:
    for rows in _chunks(session, list_id):
        lists = _lists_of(session, rows)
        for row in rows:
            values = {
                "email": row.email,
                "name": row.name,
                "language": row.language,
                "attributes": row.attributes,
                "lists": lists.get(row.id, []),
            }
            if list_id is not None:
                values |= {
                    "state": row.state,
                    "confirmed_at": row.confirmed_at.isoformat() if row.confirmed_at else None,
                }
            yield json.dumps(values, ensure_ascii=False) + "\n"
