"""Writing hits down: only of people who are there, of publications that count, and not of who declined (C5).

A batch is one statement that asks and inserts: no choice can change between the two, and no row passes through Python.
"""

from __future__ import annotations

import json
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    FromClause,
    Select,
    SmallInteger,
    case,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from newsletter.audience.models import Subscriber
from newsletter.audience.tracking_models import TrackingChoice
from newsletter.audience.upsert import among
from newsletter.db.types import UtcDateTime
from newsletter.delivery.control.link_models import Link
from newsletter.delivery.models import Campaign, Delivery
from newsletter.delivery.states import DeliveryState
from newsletter.feedback.engagement.buffer import Batch
from newsletter.feedback.engagement.models import Hit
from newsletter.issues.measuring import Counting
from newsletter.issues.models import Issue, Publication

_COLUMNS: Final = ("delivery_id", "link_id", "signals", "at")
_TYPES: Final[tuple[TypeEngine[Any], ...]] = (BigInteger(), BigInteger(), SmallInteger(), UtcDateTime())


def store_hits(session: Session, batch: Batch) -> None:
    """Add the hits that may be counted. Whatever is left out leaves no trace."""
    if session.get_bind().dialect.name == "postgresql":
        given = _given_as_arrays(batch)
    else:
        given = _given_as_json(batch)
    session.execute(insert(Hit).from_select(_COLUMNS, _allowed(given)))
    _settle_ambiguous(session, {hit.delivery_id for hit in batch})


def _allowed(given: FromClause) -> Select[Any]:
    """Return those of the given hits that the publication counts and the person has not declined."""
    of_link = case(
        (given.c.link_id.is_(None), _is_counted(Publication.open_counting, TrackingChoice.opens)),
        else_=_is_counted(Publication.click_counting, TrackingChoice.clicks) & (Link.issue_id == Issue.id),
    )
    return (
        select(*(given.c[name] for name in _COLUMNS))
        .join(Delivery, Delivery.id == given.c.delivery_id)
        .join(Campaign, Campaign.id == Delivery.campaign_id)
        .join(Issue, Issue.id == Campaign.issue_id)
        .join(Publication, Publication.id == Issue.publication_id)
        .join(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .outerjoin(TrackingChoice, TrackingChoice.subscriber_id == Subscriber.id)
        .outerjoin(Link, Link.id == given.c.link_id)
        .where(of_link)
    )


def _is_counted(rule: Any, choice: Any) -> ColumnElement[bool]:
    """Say in SQL what `measuring.is_counted` says."""
    return case(
        (rule == Counting.ALL.value, func.coalesce(choice, literal(True, Boolean))),
        (rule == Counting.ASKED.value, func.coalesce(choice, literal(False, Boolean))),
        else_=literal(False, Boolean),
    )


def _given_as_arrays(batch: Batch) -> FromClause:
    """Return the batch as a table: one array for each column."""
    columns = [list(column) for column in zip(*((*hit, at) for hit, at in batch.items()), strict=True)]
    arrays = [literal(values, ARRAY(kind)) for values, kind in zip(columns, _TYPES, strict=True)]
    return func.unnest(*arrays).table_valued(*_COLUMNS).render_derived(name="given")


def _given_as_json(batch: Batch) -> FromClause:
    """Return the batch as a table: one document."""
    rows = [(*hit, at.replace(tzinfo=None).isoformat(" ", "microseconds")) for hit, at in batch.items()]
    each = func.json_each(json.dumps(rows)).table_valued("value")
    parts = [func.json_extract(each.c.value, f"$[{place}]") for place in range(len(_COLUMNS))]
    return select(*(part.label(name) for name, part in zip(_COLUMNS, parts, strict=True))).subquery("given")


def _settle_ambiguous(session: Session, delivery_ids: set[int]) -> None:
    """A link that was followed proves that the mail arrived; who declined is not looked at even for this."""
    noted = select(Hit.delivery_id).where(among(session, Hit.delivery_id, delivery_ids))
    session.execute(
        update(Delivery)
        .where(Delivery.id.in_(noted), Delivery.state == int(DeliveryState.AMBIGUOUS))
        .values(state=int(DeliveryState.SENT))
        .execution_options(synchronize_session=False)
    )
