"""From a domain to its destination group: a table of the well-known, and what DNS said about others, in memory (T1).

Looking is never waiting: a domain that nobody has looked up yet is its own group.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from newsletter.delivery.limits.models import DestinationDomain
from newsletter.delivery.limits.providers import KNOWN_DOMAINS

REFRESH_SECONDS = 60.0
#: Domains held in memory: those that share a group with others only; the newest win.
MOST_DOMAINS = 100_000


@dataclass
class Destinations:
    """The groups as one process knows them; made once, read by all its senders."""

    _groups: dict[str, str] = field(default_factory=lambda: dict(KNOWN_DOMAINS))
    _read_until: datetime | None = None
    _due_at: float = float("-inf")

    def group_of(self, address: str) -> str:
        """Return the group of an address."""
        domain = address[address.rfind("@") + 1 :].lower()
        return self._groups.get(domain, domain)

    def refresh(self, session: Session, monotonic: float) -> None:
        """Read what was looked up since the last time; once a minute."""
        if monotonic < self._due_at:
            return
        self._due_at = monotonic + REFRESH_SECONDS
        for domain, group, at in session.execute(self._news()).all():
            self._learn(domain, group)
            self._read_until = max(at, self._read_until or at)

    def _news(self) -> Select[str, str, datetime]:
        table = DestinationDomain
        query = select(table.domain, table.destination_group, table.looked_up_at).limit(MOST_DOMAINS)
        if self._read_until is None:
            query = query.where(table.destination_group != table.domain)
        else:
            query = query.where(table.looked_up_at >= self._read_until)
        return query.order_by(table.looked_up_at.desc())

    def _learn(self, domain: str, group: str) -> None:
        if domain in KNOWN_DOMAINS:
            return
        if domain == group:
            self._groups.pop(domain, None)
        elif len(self._groups) < MOST_DOMAINS:
            self._groups[domain] = group
