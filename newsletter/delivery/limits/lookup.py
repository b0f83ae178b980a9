"""Looking domains up, from the upkeep job: a few at a time, with short timeouts, never while sending (T1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from newsletter.audience.models import Subscriber
from newsletter.clock import Clock
from newsletter.db.session import Sessions, unit_of_work
from newsletter.delivery.limits.models import DestinationDomain, LimitCounter, insert_missing
from newsletter.delivery.limits.providers import KNOWN_DOMAINS, group_of_mx

BATCH = 50
BATCH_SECONDS = 15.0
PAUSE = timedelta(seconds=50)
#: Domains move to another host once in years; a lookup that failed is tried again after an hour, then ever later.
FRESH = timedelta(days=30)
RETRY = timedelta(hours=1)
#: Subscribers looked at in one go for domains that are new.
PEOPLE = 2000
LONGEST_MX = 1000
_CURSOR = "lookup"
_RESERVED = ("example", "test", "invalid", "localhost", "local", "example.com", "example.net", "example.org")


class MxLookup(Protocol):
    """Asks DNS."""

    def hosts(self, domain: str) -> Sequence[str] | None:
        """Return the MX names of a domain, preferred first; empty when it has none, None when nobody answers."""
        ...


def look_up_domains(sessions: Sessions, lookup: MxLookup, clock: Clock) -> int:
    """Look up domains of new subscribers, or the stalest; return how many. No transaction is open while DNS is asked.

    What there was no time for counts as unanswered: it is asked for again in an hour.
    """
    now, end = clock.now(), clock.monotonic() + BATCH_SECONDS
    with unit_of_work(sessions) as session:
        if not _is_time(session, now):
            return 0
        domains, after = _due_domains(session, now)
    found = {domain: lookup.hosts(domain) if clock.monotonic() < end else None for domain in domains}
    with unit_of_work(sessions) as session:
        for domain, hosts in found.items():
            store(session, domain, hosts, now)
        session.get_one(LimitCounter, _CURSOR).document = {"after": after}
    return len(found)


def store(session: Session, domain: str, hosts: Sequence[str] | None, now: datetime) -> DestinationDomain:
    """Keep what DNS said. When it said nothing, what was known before stays."""
    row = session.get(DestinationDomain, domain)
    if row is None:
        row = DestinationDomain(domain=domain, destination_group=domain, looked_up_at=now, failures=0)
        session.add(row)
    row.looked_up_at = now
    if hosts is None:
        row.failures += 1
        return row
    row.destination_group, row.failures = group_of_mx(hosts) or domain, 0
    row.mx = " ".join(hosts)[:LONGEST_MX]
    return row


def _is_time(session: Session, now: datetime) -> bool:
    """Say whether the last batch is long enough ago; embedded, the job ticks every second."""
    last = session.scalar(select(LimitCounter.updated_at).where(LimitCounter.key == _CURSOR))
    return last is None or now - last >= PAUSE


def _due_domains(session: Session, now: datetime) -> tuple[list[str], int]:
    """Return a batch, and the subscriber up to whom all are known once it is stored; nobody else begins one meanwhile."""
    insert_missing(session, LimitCounter, [{"key": _CURSOR, "document": {"after": 0}, "updated_at": now}])
    cursor = session.get_one(LimitCounter, _CURSOR, with_for_update=True)
    cursor.updated_at = now
    new, after = _new_domains(session, int(cursor.document["after"]))
    return new or _stale_domains(session, now), after


def _new_domains(session: Session, after: int) -> tuple[list[str], int]:
    """Return unknown domains of the next subscribers, and the subscriber up to whom all will then be known."""
    people = session.execute(
        select(Subscriber.id, Subscriber.address_key)
        .where(Subscriber.id > after)
        .order_by(Subscriber.id)
        .limit(PEOPLE)
    ).all()
    last_of = {key.rpartition("@")[2]: row_id for row_id, key in reversed(people)}
    unknown = sorted(_unknown(session, last_of), key=lambda domain: last_of[domain])
    if len(unknown) > BATCH:
        return unknown[:BATCH], last_of[unknown[BATCH]] - 1
    return unknown, people[-1].id if people else after


def _unknown(session: Session, domains: Iterable[str]) -> set[str]:
    wanted = {one for one in domains if one not in KNOWN_DOMAINS and not _is_reserved(one)}
    known = session.scalars(select(DestinationDomain.domain).where(DestinationDomain.domain.in_(wanted)))
    return wanted - set(known)


def _is_reserved(domain: str) -> bool:
    """Names that are nobody's (RFC 2606, RFC 6762) are not asked for."""
    return not domain or domain.endswith(tuple("." + one for one in _RESERVED)) or domain in _RESERVED


def _stale_domains(session: Session, now: datetime) -> list[str]:
    table = DestinationDomain
    stale = or_(
        table.looked_up_at < now - FRESH,
        *(
            (table.failures == count) & (table.looked_up_at < now - RETRY * 4 ** (count - 1))
            for count in (1, 2, 3)
        ),
    )
    return list(session.scalars(select(table.domain).where(stale).order_by(table.looked_up_at).limit(BATCH)))
