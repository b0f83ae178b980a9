"""Rehearsal: write everybody's message, send none, and keep one hash that the real send can be held against (T8).

A message holds what only its row can know: tokens, message-id, return path, Date, and the DKIM signature over them. The hash
is over the unsigned message with fixed values in those places, of everybody selected, suppressed people too, in any order.
So it depends on the snapshot, the readers and the code that writes messages, and on nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from newsletter.audience.models import MailingList, Subscriber, Subscription, Suppression
from newsletter.audience.selection import members
from newsletter.audience.suppressions import applies_to
from newsletter.audience.tracking_models import TrackingChoice
from newsletter.delivery.models import Campaign, Delivery, of_campaign
from newsletter.delivery.rehearsing.stage import Reader, Rehearsal, Stage
from newsletter.delivery.sending.outgoing import MailRoom
from newsletter.errors import InvalidInput
from newsletter.issues.models import Issue
from newsletter.issues.service import current_snapshot, ref_of
from newsletter.issues.snapshot import IssueSnapshot
from newsletter.rendering.values import RenderedIssue

BATCH = 2000
#: Returns the query of the next readers beyond a position.
ReadersBeyond = Callable[[int], Select[Any]]
Column = ColumnElement[Any] | InstrumentedAttribute[Any]


def rehearse(session: Session, issue: Issue, lists: list[MailingList], room: MailRoom) -> Rehearsal:
    """Write the message of everybody on the lists as the issue is now; memory stays flat.

    :raises InvalidInput: without lists.
    """
    if not lists:
        raise InvalidInput("Choose at least one list.")
    snapshot = current_snapshot(session, issue)
    found = Rehearsal(ref_of(issue), snapshot.content_hash())
    return _perform(session, found, Stage.of(room, snapshot, lists), _members_beyond(issue, lists))


def rehearsal_of(session: Session, campaign: Campaign, room: MailRoom) -> Rehearsal:
    """Write the messages of a campaign's frozen rows: its hash equals the rehearsal's when nothing has changed.

    :raises InvalidInput: before the audience stands.
    """
    if campaign.audience is None:
        raise InvalidInput("The audience does not stand yet: compare once the campaign is sending.")
    snapshot = IssueSnapshot.from_document(campaign.snapshot.document)
    found = Rehearsal(ref_of(campaign.issue), snapshot.content_hash())
    return _perform(session, found, stage_of(campaign, room), rows_beyond(campaign))


def stage_of(campaign: Campaign, room: MailRoom) -> Stage:
    """Return the stage of a campaign: its frozen snapshot in its kept rendition."""
    snapshot = IssueSnapshot.from_document(campaign.snapshot.document)
    rendition = RenderedIssue.from_document(campaign.snapshot.rendition, room.base_url)
    return Stage.of(room, snapshot, list(campaign.lists), rendition)


def _perform(session: Session, found: Rehearsal, stage: Stage, beyond: ReadersBeyond) -> Rehearsal:
    began = time.perf_counter()
    for reader in _readers(session, beyond):
        stage.perform(found, reader)
    found.seconds = time.perf_counter() - began
    return found


def _readers(session: Session, beyond: ReadersBeyond) -> Iterator[Reader]:
    position = 0
    while rows := session.execute(beyond(position).limit(BATCH)).all():
        yield from (Reader._make(row) for row in rows)
        position = rows[-1][0]


def _members_beyond(issue: Issue, lists: list[MailingList]) -> ReadersBeyond:
    ids, publication_id = [each.id for each in lists], issue.publication_id

    def beyond(position: int) -> Select[Any]:
        people = members(ids, beyond=position).subquery().c
        query = _reader_query(people.id, people.email, people.address_key, people.id, ids, publication_id)
        return query.outerjoin(Subscriber, Subscriber.id == people.id).order_by(people.id)

    return beyond


def rows_beyond(campaign: Campaign) -> ReadersBeyond:
    """Return how to read a campaign's rows beyond a row's id."""
    ids, publication_id, campaign_id = (
        [each.id for each in campaign.lists],
        campaign.issue.publication_id,
        campaign.id,
    )

    def beyond(position: int) -> Select[Any]:
        row = Delivery
        query = _reader_query(row.id, row.address, row.address_key, row.subscriber_id, ids, publication_id)
        query = query.outerjoin(Subscriber, Subscriber.id == row.subscriber_id)
        return query.where(of_campaign(campaign_id), row.id > position).order_by(row.id)

    return beyond


def _reader_query(
    position: Column, address: Column, key: Column, subscriber_id: Column, list_ids: list[int], publication_id: int
) -> Select[Any]:  # fmt: skip
    since = (
        select(func.min(func.coalesce(Subscription.confirmed_at, Subscription.created_at)))
        .where(Subscription.list_id.in_(list_ids), Subscription.subscriber_id == subscriber_id)
        .scalar_subquery()
    )
    blocked = exists(select(Suppression.id).where(Suppression.address_key == key, applies_to(publication_id)))
    clicks, opens = (
        select(chosen).where(TrackingChoice.subscriber_id == subscriber_id).scalar_subquery()
        for chosen in (TrackingChoice.clicks, TrackingChoice.opens)
    )
    name = func.coalesce(Subscriber.name, "")
    columns: list[Any] = [position, address, key, name, since, blocked, clicks, opens]
    return select(*columns)
