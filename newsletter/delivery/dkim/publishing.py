"""What DNS says of our keys. Asked by an administrator or `newsletter doctor`, with a bound; never while sending."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from sqlalchemy.orm import Session

from newsletter.db.session import Sessions, unit_of_work
from newsletter.delivery.dkim.keys import signer_of
from newsletter.delivery.dkim.models import DkimKey, KeyState
from newsletter.delivery.dkim.service import activate_key, list_keys
from newsletter.rendering.dkim import Signer
from newsletter.rendering.dkim_record import is_record_of, record_name
from newsletter.sealing import Sealer

#: A key in use and its successor, for two algorithms and a handful of domains: more is not asked in one go.
MOST_QUESTIONS = 20


class RecordState(StrEnum):
    """How a key's record stands in DNS."""

    UNASKED = "unasked"
    RIGHT = "right"
    MISSING = "missing"
    WRONG = "wrong"  # there is a record, with another key: every signature fails
    SILENT = "silent"  # no answer: nothing is known


class TxtLookup(Protocol):
    """Asks DNS."""

    def texts(self, name: str) -> list[str] | None:
        """Return the TXT records of a name, each in one piece; empty when there are none, None without an answer."""
        ...


def judge(signer: Signer, texts: Sequence[str] | None) -> RecordState:
    """Say how the record of a key stands."""
    if texts is None:
        return RecordState.SILENT
    keys = [text for text in texts if "p=" in text]
    if not keys:
        return RecordState.MISSING
    # Two records under one selector leave it open which one a receiver takes (RFC 6376 §3.6.2.2).
    return RecordState.RIGHT if all(is_record_of(signer, text) for text in keys) else RecordState.WRONG


def ask(session: Session, sealer: Sealer, lookup: TxtLookup) -> dict[int, RecordState]:
    """Return how the records of all keys in use or waiting stand, by the key's number."""
    return {row.id: _ask_one(signer_of(sealer, row), lookup) for row in _live(session)}


def _ask_one(signer: Signer, lookup: TxtLookup) -> RecordState:
    return judge(signer, lookup.texts(record_name(signer)))


def note(session: Session, states: dict[int, RecordState], *, actor: str, now: datetime) -> list[DkimKey]:
    """Keep what DNS said; waiting keys whose record is right sign from now on and are returned."""
    activated = []
    for row in list_keys(session):
        state = states.get(row.id)
        if state is None:
            continue
        row.record_state, row.asked_at = state, now
        if state is RecordState.RIGHT and row.state == KeyState.WAITING:
            activate_key(session, row, actor=actor, now=now)
            activated.append(row)
    return activated


def look_up(
    reading: Sessions, writing: Sessions, sealer: Sealer, lookup: TxtLookup, *, actor: str, now: datetime
) -> dict[int, RecordState]:
    """Ask DNS and keep what it said; no transaction is open while DNS is waited for."""
    with reading() as session:
        live = [(row.id, signer_of(sealer, row)) for row in _live(session)]
    states = {number: _ask_one(signer, lookup) for number, signer in live}
    with unit_of_work(writing) as session:
        note(session, states, actor=actor, now=now)
    return states


def _live(session: Session) -> list[DkimKey]:
    return [row for row in list_keys(session) if row.state != KeyState.RETIRED][:MOST_QUESTIONS]
