"""Making and rotating keys. A new key waits until its record is in DNS; two selectors may be live at once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.delivery.dkim.keys import new_key
from newsletter.delivery.dkim.models import DkimKey, KeyState
from newsletter.errors import Conflict, InvalidInput, NotFound
from newsletter.issues.models import Publication
from newsletter.sealing import Sealer

MOST_ID = (1 << 63) - 1  # beyond this the database's driver raises
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+{_LABEL}")


def create_key(
    session: Session, sealer: Sealer, domain: str, algorithm: str, *, actor: str, now: datetime
) -> DkimKey:
    """Make the first key of a domain and algorithm.

    :raises Conflict: when there is one; it is rotated.
    """
    domain = checked_domain(domain)
    if _live(session, domain, algorithm):
        raise Conflict(f"{domain} has a key of this kind already: newsletter dkim rotate --domain {domain}")
    return _make(session, sealer, domain, algorithm, action="dkim.create", actor=actor, now=now)


def rotate_key(
    session: Session, sealer: Sealer, domain: str, algorithm: str, *, actor: str, now: datetime
) -> DkimKey:
    """Make the next key; the present one signs on until the next one is activated.

    :raises NotFound: when there is none to rotate.
    :raises Conflict: when the next one waits already.
    """
    domain = checked_domain(domain)
    live = _live(session, domain, algorithm)
    if not live:
        raise NotFound(f"{domain} has no {algorithm} key: newsletter dkim create --domain {domain}")
    waiting = next((each for each in live if each.state == KeyState.WAITING), None)
    if waiting is not None:
        raise Conflict(f"{waiting.selector} of {domain} waits already: publish its record, then activate it.")
    return _make(session, sealer, domain, algorithm, action="dkim.rotate", actor=actor, now=now)


def _make(
    session: Session,
    sealer: Sealer,
    domain: str,
    algorithm: str,
    *,
    action: str,
    actor: str,
    now: datetime,
) -> DkimKey:
    row = new_key(sealer, domain, _next_selector(session, domain), algorithm)
    row.created_at = now
    session.add(row)
    try:
        session.flush()
    except IntegrityError:
        raise Conflict(f"Somebody else made a key of {domain} at this moment: look again.") from None
    _note(session, row, action, actor)
    return row


def activate_key(session: Session, row: DkimKey, *, actor: str, now: datetime) -> None:
    """Let a waiting key sign; the one that signed until now retires.

    :raises Conflict: when it does not wait.
    """
    if row.state != KeyState.WAITING:
        raise Conflict(f"{row.selector} of {row.domain} is {row.state}: only a waiting key can be activated.")
    for former in _live(session, row.domain, row.algorithm):
        if former.state == KeyState.ACTIVE:
            former.state, former.retired_at = KeyState.RETIRED, now
    row.state, row.activated_at = KeyState.ACTIVE, now
    _note(session, row, "dkim.activate", actor)


def list_keys(session: Session, domain: str = "") -> list[DkimKey]:
    """Return all keys, or those of a domain, in the order they were made."""
    statement = select(DkimKey).order_by(DkimKey.domain, DkimKey.id)
    return list(session.scalars(statement.where(DkimKey.domain == domain) if domain else statement))


def get_key(session: Session, key_id: int) -> DkimKey:
    """Return a key.

    :raises NotFound: when there is none.
    """
    row = session.get(DkimKey, key_id) if key_id <= MOST_ID else None
    if row is None:
        raise NotFound("There is no such key.")
    return row


def waiting_key(session: Session, domain: str, algorithm: str) -> DkimKey:
    """Return the key that waits to sign.

    :raises NotFound: when none does.
    """
    for row in _live(session, checked_domain(domain), algorithm):
        if row.state == KeyState.WAITING:
            return row
    raise NotFound(f"No {algorithm} key of {domain} waits to be activated.")


def default_domain(session: Session, domain: str) -> str:
    """Return the domain that was named, else the From domain of the only publication.

    :raises InvalidInput: when that is not clear.
    """
    if domain:
        return checked_domain(domain)
    found = {each.rpartition("@")[2].lower() for each in session.scalars(select(Publication.from_address))}
    if len(found) != 1:
        raise InvalidInput("Say which domain: --domain example.com")
    return found.pop()


def checked_domain(domain: str) -> str:
    """Return a domain in small letters.

    :raises InvalidInput: when it is none.
    """
    lowered = domain.strip().lower().rstrip(".")
    if len(lowered) > 200 or not _DOMAIN.fullmatch(lowered):
        raise InvalidInput(f"{domain[:80]!r} is no domain: it looks like example.com.")
    return lowered


def _live(session: Session, domain: str, algorithm: str) -> list[DkimKey]:
    return [
        each
        for each in list_keys(session, domain)
        if each.algorithm == algorithm and each.state != KeyState.RETIRED
    ]


def _next_selector(session: Session, domain: str) -> str:
    """`nl1`, `nl2`, …: a selector is never used again, since its record may still be in a cache."""
    return f"nl{1 + max(_numbers(list_keys(session, domain)), default=0)}"


def _numbers(rows: Iterable[DkimKey]) -> list[int]:
    return [int(row.selector.removeprefix("nl")) for row in rows]


def _note(session: Session, row: DkimKey, action: str, actor: str) -> None:
    details = {"selector": row.selector, "algorithm": row.algorithm}
    audit.record(session, actor=actor, action=action, object=row.domain, details=details)
