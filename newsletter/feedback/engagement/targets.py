"""Where links lead, kept per issue: following a link costs a dictionary look-up, not a query."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.db.session import Sessions
from newsletter.delivery.control.link_models import Link
from newsletter.delivery.models import Campaign
from newsletter.rendering.links import TRAP, is_web_address

#: A repaired target holds everywhere after this time.
FRESH_SECONDS: Final = 5.0
#: A campaign that has begun since is looked for after this time.
AGAIN_SECONDS: Final = 1.0
MOST_ISSUES: Final = 200
_NO_END: Final = 2**62
_SAFE: Final = "/:?#[]@!$&'()*+,;=%-._~"


@dataclass(frozen=True, slots=True)
class Target:
    """One link: where it leads, as a Location header says it."""

    link_id: int
    location: bytes
    is_trap: bool


@dataclass(slots=True)
class KnownIssue:
    """The links of an issue, and the ledger rows that belong to it: a link of one issue does not take another's token."""

    issue_id: int
    targets: dict[str, Target]
    rows: list[tuple[int, int]]
    loaded_at: float

    def covers(self, delivery_id: int) -> bool:
        """Say whether a delivery can be one of this issue."""
        return any(first < delivery_id <= last for first, last in self.rows)


@dataclass
class TargetBook:
    """The issues whose links were followed lately. `monotonic` is the clock's."""

    sessions: Sessions
    monotonic: Callable[[], float]
    _issues: OrderedDict[int, KnownIssue] = field(default_factory=OrderedDict)
    _by_key: dict[str, KnownIssue] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def peek(self, key: str, delivery_id: int | None) -> KnownIssue | None:
        """Return the issue of a link when what is known of it will do; else it must be loaded."""
        known = self._by_key.get(key)
        if known is None:
            return None
        age = self.monotonic() - known.loaded_at
        if age > FRESH_SECONDS:
            known.loaded_at += age  # one request asks, the others go on with what is known
            return None
        if age > AGAIN_SECONDS and delivery_id is not None and not known.covers(delivery_id):
            return None
        return known

    def load(self, key: str) -> KnownIssue | None:
        """Read the issue of a link; None for a link that is not ours."""
        with self.sessions() as session:
            issue_id = session.scalar(select(Link.issue_id).where(Link.key == key))
            if issue_id is None:
                return None
            known = KnownIssue(
                issue_id, _targets(session, issue_id), _rows(session, issue_id), self.monotonic()
            )
        self._keep(known)
        return known

    def known(self, key: str) -> KnownIssue | None:
        """Return what was known last, however old: a database that is away stops nobody."""
        return self._by_key.get(key)

    def _keep(self, known: KnownIssue) -> None:
        with self._lock:
            self._issues.pop(known.issue_id, None)
            self._issues[known.issue_id] = known
            self._by_key.update(dict.fromkeys(known.targets, known))
            while len(self._issues) > MOST_ISSUES:
                _, oldest = self._issues.popitem(last=False)
                for key in oldest.targets:
                    self._by_key.pop(key, None)


def _targets(session: Session, issue_id: int) -> dict[str, Target]:
    rows = session.execute(
        select(Link.key, Link.id, Link.target, Link.place).where(Link.issue_id == issue_id)
    )
    return {
        key: Target(link_id, location(target), place == TRAP)
        for key, link_id, target, place in rows
        if is_web_address(target)
    }


def _rows(session: Session, issue_id: int) -> list[tuple[int, int]]:
    found = session.execute(
        select(Campaign.first_row, Campaign.last_row).where(Campaign.issue_id == issue_id)
    )
    return [(first, _NO_END if last is None else last) for first, last in found]


def location(target: str) -> bytes:
    """Return a target as the value of a Location header: ASCII only (RFC 9110 §10.2.2, RFC 3987 §3.1)."""
    if target.isascii():
        return target.encode("ascii")
    parts = urlsplit(target)
    host = (parts.hostname or "").encode("idna").decode("ascii")
    network = f"{host}:{parts.port}" if parts.port else host
    rest = (quote(part, safe=_SAFE) for part in (parts.path, parts.query, parts.fragment))
    return urlunsplit((parts.scheme, network, *rest)).encode("ascii")
