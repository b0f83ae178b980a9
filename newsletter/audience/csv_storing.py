"""Storing one chunk of imported people in a handful of statements, the same on either database."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Row, Table, bindparam, insert, literal, select, update
from sqlalchemy.orm import Session

from newsletter.audience.consent import wording_hash
from newsletter.audience.csv_columns import Person
from newsletter.audience.import_result import ImportResult
from newsletter.audience.models import Consent, Subscriber, Subscription
from newsletter.audience.states import SubscriptionState
from newsletter.audience.suppressions import Secret, suppressed_keys
from newsletter.audience.upsert import among, insert_if_new, insert_many

_SUBSCRIBERS = cast(Table, Subscriber.__table__)
_CONSENTS = cast(Table, Consent.__table__)
_UPDATE = (
    update(_SUBSCRIBERS)
    .where(_SUBSCRIBERS.c.id == bindparam("b_id"))
    .values(
        name=bindparam("b_name"),
        language=bindparam("b_language"),
        attributes=bindparam("b_attributes"),
        updated_at=bindparam("b_now"),
    )
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import needs to know besides its rows."""

    list_id: int
    publication_id: int | None
    import_id: int
    state: SubscriptionState
    wording: str
    secret: Secret
    now: datetime


def store(session: Session, people: list[Person], plan: Plan) -> ImportResult:
    """Store a chunk; returns what became of its rows."""
    stopped = suppressed_keys(session, {each.key for each in people}, plan.secret, plan.publication_id)
    rows = [each for each in people if each.key not in stopped]
    wanted = _merged(rows)
    known = _find(session, wanted)
    fresh = [person for key, person in wanted.items() if key not in known]
    ids = {key: row.id for key, row in known.items()} | _insert(session, fresh, plan.now)
    changed = _update(session, wanted, known, plan.now)
    changed |= _join(session, wanted, ids, plan)
    created = len(fresh)
    updated = sum(1 for key in known if ids[key] in changed)
    return ImportResult(
        suppressed=len(people) - len(rows),
        created=created,
        updated=updated,
        unchanged=len(rows) - created - updated,
    )


def _merged(rows: list[Person]) -> dict[str, Person]:
    """Return one person per address: a later row adds to an earlier one; a word of leaving is never outdone."""
    merged: dict[str, Person] = {}
    for row in rows:
        first = merged.get(row.key)
        if first is not None:
            states = (first.state, row.state)
            row = row._replace(
                email=first.email,
                name=row.name or first.name,
                language=row.language or first.language,
                attributes=first.attributes | row.attributes,
                state="unsubscribed" if "unsubscribed" in states else row.state or first.state,
            )
        merged[row.key] = row
    return merged


def _find(session: Session, keys: Collection[str]) -> dict[str, Row[Any]]:
    query = select(
        Subscriber.id, Subscriber.address_key, Subscriber.name, Subscriber.language, Subscriber.attributes
    ).where(among(session, Subscriber.address_key, keys))
    return {row.address_key: row for row in session.execute(query)}


def _insert(session: Session, people: list[Person], now: datetime) -> dict[str, int]:
    if not people:
        return {}
    columns: dict[str, list[Any]] = {
        "email": [each.email for each in people],
        "address_key": [each.key for each in people],
        "name": [each.name for each in people],
        "language": [each.language for each in people],
        "attributes": [each.attributes for each in people],
    }
    same = {"created_at": now, "updated_at": now}
    rows = insert_many(session, _SUBSCRIBERS, columns, same, returning=["address_key", "id"])
    ids: dict[str, int] = {row.address_key: row.id for row in rows}
    missed = [each.key for each in people if each.key not in ids]  # somebody else added them this moment
    return ids | ({key: row.id for key, row in _find(session, missed).items()} if missed else {})


def _update(
    session: Session, wanted: dict[str, Person], known: dict[str, Row[Any]], now: datetime
) -> set[int]:
    """Let the file's words replace ours, except where people changed their own; returns whose changed."""
    changes = [change for key, row in known.items() if (change := _difference(wanted[key], row, now))]
    if not changes:
        return set()
    own = _changed_themselves(session, [change["b_id"] for change in changes])
    changes = [change for change in changes if change["b_id"] not in own]
    if changes:
        session.connection().execute(_UPDATE, changes)
    return {change["b_id"] for change in changes}


def _difference(person: Person, row: Row[Any], now: datetime) -> dict[str, Any] | None:
    name, language = person.name or row.name, person.language or row.language
    attributes = row.attributes | person.attributes
    if (name, language, attributes) == (row.name, row.language, row.attributes):
        return None
    return {"b_id": row.id, "b_name": name, "b_language": language, "b_attributes": attributes, "b_now": now}


def _changed_themselves(session: Session, ids: list[int]) -> set[int]:
    query = select(Consent.subscriber_id).where(
        among(session, Consent.subscriber_id, ids), Consent.action == "change"
    )
    return {found for found in session.scalars(query) if found is not None}


def _join(session: Session, wanted: dict[str, Person], ids: dict[str, int], plan: Plan) -> set[int]:
    """Add and confirm memberships; nobody who left is brought back. Returns who joined, was confirmed or left."""
    query = select(Subscription.subscriber_id, Subscription.state).where(
        Subscription.list_id == plan.list_id, among(session, Subscription.subscriber_id, list(ids.values()))
    )
    now_states = dict(session.execute(query).all())
    joined: dict[SubscriptionState, list[int]] = {state: [] for state in SubscriptionState}
    moved: dict[SubscriptionState, list[int]] = {state: [] for state in SubscriptionState}
    for key, person in wanted.items():
        state = SubscriptionState(person.state) if person.state else plan.state
        current = now_states.get(ids[key])
        if current is None:
            joined[state].append(ids[key])
        elif _moves(current, state):
            moved[state].append(ids[key])
    for state in SubscriptionState:
        _add_memberships(session, joined[state], state, plan)
        _move_memberships(session, moved[state], state, plan)
        _add_consents(session, [*joined[state], *moved[state]], state, plan)
    return {each for group in (*joined.values(), *moved.values()) for each in group}


def _moves(current: str, state: SubscriptionState) -> bool:
    """Return whether a file may change a membership: pending may be confirmed, anybody may leave, nobody returns."""
    if state == SubscriptionState.CONFIRMED:
        return current == SubscriptionState.PENDING
    return state == SubscriptionState.UNSUBSCRIBED and current != SubscriptionState.UNSUBSCRIBED


def _times(state: SubscriptionState, now: datetime) -> dict[str, Any]:
    return {
        "state": state.value,
        "confirmed_at": now if state == SubscriptionState.CONFIRMED else None,
        "unsubscribed_at": now if state == SubscriptionState.UNSUBSCRIBED else None,
        "unsubscribe_source": "import" if state == SubscriptionState.UNSUBSCRIBED else "",
    }


def _add_memberships(session: Session, ids: list[int], state: SubscriptionState, plan: Plan) -> None:
    if ids:
        same = _times(state, plan.now) | {
            "list_id": plan.list_id,
            "created_at": plan.now,
            "unsubscribe_reason": "",
        }
        _insert_for_each(session, insert_if_new(session, Subscription.__table__), ids, same)


def _move_memberships(session: Session, ids: list[int], state: SubscriptionState, plan: Plan) -> None:
    if ids:
        session.execute(
            update(Subscription)
            .where(Subscription.list_id == plan.list_id, among(session, Subscription.subscriber_id, ids))
            .values(**{name: value for name, value in _times(state, plan.now).items() if value is not None}),
            execution_options={"synchronize_session": False},
        )


def _add_consents(session: Session, ids: list[int], state: SubscriptionState, plan: Plan) -> None:
    if ids:
        same = {
            "list_id": plan.list_id,
            "action": "unsubscribe" if state == SubscriptionState.UNSUBSCRIBED else "import",
            "source": f"import {plan.import_id}",
            "at": plan.now,
            "ip": "",
            "user_agent": "",
            "wording": plan.wording,
            "wording_hash": wording_hash(plan.wording),
        }
        _insert_for_each(session, insert(_CONSENTS), ids, same)


def _insert_for_each(session: Session, statement: Any, ids: list[int], same: dict[str, Any]) -> None:
    """INSERT … SELECT: one row per person, all other columns alike."""
    table = statement.table
    columns = [literal(value, table.c[name].type).label(name) for name, value in same.items()]
    people = select(Subscriber.id, *columns).where(among(session, Subscriber.id, ids))
    session.execute(statement.from_select(["subscriber_id", *same], people))
