"""The audit log: append-only, each entry hashed over the one before it, so that a change shows."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import datetime
from typing import Any, Final

from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from newsletter.accounts.models import AuditEntry
from newsletter.clock import utcnow

FIRST_HASH: Final = "0" * 64
_PENDING: Final = "audit_pending"
_LOCK_KEY: Final = 7_316_011_902  # any fixed number: the advisory lock of the log's end
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def record(
    session: Session,
    *,
    actor: str,
    action: str,
    object: str = "",
    details: dict[str, Any] | None = None,
    ip: str = "",
    at: datetime | None = None,
) -> None:
    """Note who did what. The entry is written as the last thing before the commit, and only if that happens.

    Writing last keeps the lock on the end of the log short and rules out deadlocks with the locks of the work itself.
    """
    entry = AuditEntry(
        at=at or utcnow(),
        actor=_plain(actor, 254),
        action=_plain(action, 80),
        object=_plain(object, 200),
        ip=_plain(ip, 64),
        details=_plain_details(details or {}),
    )
    if _PENDING not in session.info:
        session.info[_PENDING] = []
        event.listen(session, "before_commit", write_pending)
    session.info[_PENDING].append(entry)


def write_pending(session: Session) -> None:
    """Append what `record` gathered, in order, to the end of the log."""
    entries: list[AuditEntry] = session.info.get(_PENDING, [])
    if not entries:
        return
    session.info[_PENDING] = []
    session.flush()
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(_LOCK_KEY)))
    previous = session.scalar(select(AuditEntry.hash).order_by(AuditEntry.id.desc()).limit(1)) or FIRST_HASH
    for entry in entries:
        entry.hash = previous = entry_hash(previous, entry)
        session.add(entry)
        session.flush()


def entry_hash(previous: str, entry: AuditEntry) -> str:
    """Return the SHA-256 (hex) over the hash before and everything the entry says."""
    said = [
        previous,
        entry.at.isoformat(timespec="microseconds"),
        entry.actor,
        entry.action,
        entry.object,
        entry.ip,
        entry.details,
    ]
    document = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(document.encode()).hexdigest()


def verify(session: Session) -> int | None:
    """Return the id of the first entry that was changed or follows a removed one; None when all is well."""
    previous = FIRST_HASH
    for entry in session.scalars(
        select(AuditEntry).order_by(AuditEntry.id).execution_options(yield_per=1000)
    ):
        if entry.hash != entry_hash(previous, entry):
            return entry.id
        previous = entry.hash
    return None


def list_entries(
    session: Session, *, object: str = "", action: str = "", limit: int = 100, before: int | None = None
) -> list[AuditEntry]:
    """Return entries, newest first; `before` is the id to go on from."""
    statement = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
    if object:
        statement = statement.where(AuditEntry.object == object)
    if action:
        statement = statement.where(AuditEntry.action == action)
    if before is not None:
        statement = statement.where(AuditEntry.id < before)
    return list(session.scalars(statement))


def _plain(text: str, length: int) -> str:
    return _CONTROL.sub(" ", text)[:length]


def _plain_details(details: dict[str, Any]) -> dict[str, Any]:
    """Return the details as the database will give them back: text, whole numbers, truth values, lists, objects."""
    return {_plain(str(key), 200): _plain_value(value) for key, value in details.items()}


def _plain_value(value: Any) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, dict):
        return _plain_details(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain_value(one) for one in value]
    return _plain(value.isoformat() if isinstance(value, datetime) else str(value), 4000)
