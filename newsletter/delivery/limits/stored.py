"""The limiter without Redis: counters in the database, so that windows survive restarts and all processes share them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from newsletter.clock import Clock, utcnow
from newsletter.db.session import Sessions, unit_of_work
from newsletter.delivery.dbtime import database_now
from newsletter.delivery.limits.limiter import Ask, LimiterAway, Seats, Taken
from newsletter.delivery.limits.models import LimitCounter, insert_missing
from newsletter.delivery.limits.taking import Sitter, added, grant, seat
from newsletter.delivery.limits.windows import Usage, Window
from newsletter.errors import Unavailable

Documents = Mapping[str, dict[str, Any]]


class StoredLimiter:
    """One short transaction for a chunk; rows are locked in the order of their keys."""

    def __init__(self, sessions: Sessions, reading_sessions: Sessions, clock: Clock) -> None:
        self._sessions, self._reading_sessions, self._clock = sessions, reading_sessions, clock

    def take(self, ask: Ask) -> Taken:
        """Take tokens and seats.

        :raises LimiterAway: when the database does not answer.
        """
        try:
            with unit_of_work(self._sessions) as session:
                return _take(session, ask, self._now(session))
        except (SQLAlchemyError, Unavailable) as error:
            raise LimiterAway(str(error)) from error

    def usages(self, windows: Sequence[Window]) -> tuple[Usage, ...]:
        """Return what is taken of each window."""
        try:
            with self._reading_sessions() as session:
                found = _read(session, [window.key for window in windows])
        except SQLAlchemyError as error:
            raise LimiterAway(str(error)) from error
        return tuple(usage_of(found.get(window.key, {})) for window in windows)

    def leave(self, owner: str, seats: Sequence[Seats]) -> None:
        """Give a sender's seats back."""
        with unit_of_work(self._sessions) as session:
            documents = _lock(session, [one.key for one in seats])
            for key, document in documents.items():
                document.pop(owner, None)
                _write(session, key, document, self._clock.now())

    def _now(self, session: Session) -> datetime:
        """Return the time that all senders share: the database's, or this machine's when that is where all of them are."""
        return database_now(session) if session.get_bind().dialect.name == "postgresql" else self._clock.now()


def usage_of(document: Mapping[str, Any]) -> dict[int, int]:
    """Read a window's usage from its document."""
    return {int(slot): int(count) for slot, count in document.items()}


def _take(session: Session, ask: Ask, moment: datetime) -> Taken:
    documents = _lock(session, [window.key for window in ask.windows] + [one.key for one in ask.seats])
    now = moment.timestamp()
    seats = tuple(_seat(session, documents[one.key], ask.owner, one, moment) for one in ask.seats)
    usages = [usage_of(documents[window.key]) for window in ask.windows]
    granted = grant(ask.demands, ask.windows, usages, seats, now)
    after = added(ask.windows, usages, ask.demands, granted, now)
    for window, before, usage in zip(ask.windows, usages, after, strict=True):
        if usage != before:
            _write(session, window.key, {str(slot): count for slot, count in usage.items()}, moment)
    return Taken(now, granted, after, seats)


def _seat(session: Session, document: dict[str, Any], owner: str, seats: Seats, moment: datetime) -> int:
    sitters = {name: Sitter(**values) for name, values in document.items()}
    after = seat(sitters, owner, seats.most, moment.timestamp())
    _write(session, seats.key, {name: asdict(one) for name, one in after.items()}, moment)
    return after[owner].granted


def _lock(session: Session, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Read counters for writing, making those that are not there; always in the same order, so nobody waits in a ring."""
    wanted = sorted(set(keys))
    if not wanted:
        return {}
    known, now = _read(session, wanted), utcnow()
    missing = [{"key": key, "document": {}, "updated_at": now} for key in wanted if key not in known]
    if missing:
        insert_missing(session, LimitCounter, missing)
    query = select(LimitCounter.key, LimitCounter.document).where(LimitCounter.key.in_(wanted))
    return {
        key: dict(document)
        for key, document in session.execute(query.order_by(LimitCounter.key).with_for_update())
    }


def _read(session: Session, keys: Sequence[str]) -> Documents:
    query = select(LimitCounter.key, LimitCounter.document).where(LimitCounter.key.in_(keys))
    return {key: dict(document) for key, document in session.execute(query)}


def _write(session: Session, key: str, document: Mapping[str, Any], now: datetime) -> None:
    counter = session.get_one(LimitCounter, key)
    counter.document, counter.updated_at = dict(document), now
