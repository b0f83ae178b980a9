"""Setting and removing what admins set. Every function says in a plain sentence what does not fit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.delivery.limits.models import Limit, SendingHours, WarmUp
from newsletter.delivery.limits.providers import SHIPPED_AT_ONCE
from newsletter.delivery.limits.rates import PERIODS, Rate, checked_count
from newsletter.delivery.limits.rules import AT_ONCE
from newsletter.delivery.models import Campaign
from newsletter.delivery.relays.models import RelayRow
from newsletter.delivery.relays.service import FALLBACK_NAME
from newsletter.errors import InvalidInput, NotFound
from newsletter.issues.service import get_publication

SCOPES = ("relay", "publication", "group")
PLANNED = ("relay", "publication")
TIMED = ("publication", "campaign")
MOST_DAYS = 90
MOST_SPREAD_MINUTES = 7 * 24 * 60
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,251}[a-z0-9])?")


def set_limit(session: Session, scope: str, name: str, rate: Rate, *, actor: str, now: datetime) -> Limit:
    """Set a rate; one for each period and name, the newest holds."""
    return _store(session, scope, name, rate.per, checked_count(rate.count), actor=actor, now=now)


def set_at_once(session: Session, name: str, count: int, *, actor: str, now: datetime) -> Limit:
    """Set how many messages to a group may be on the wire at once, of all senders together."""
    return _store(session, "group", name, AT_ONCE, checked_count(count), actor=actor, now=now)


def switch_off(session: Session, name: str, *, actor: str, now: datetime) -> Limit:
    """Switch a shipped limit off.

    :raises NotFound: when none is shipped for the group.
    """
    if name not in SHIPPED_AT_ONCE:
        raise NotFound(f"No limit is shipped for {name}: there is nothing to switch off.")
    return _store(session, "group", name, AT_ONCE, None, actor=actor, now=now)


def remove_limit(session: Session, scope: str, name: str, per: str) -> None:
    """Remove what was set; a shipped limit holds again.

    :raises NotFound: when nothing was set.
    """
    row = _find(session, _known(scope, SCOPES), name, per)
    if row is None:
        raise NotFound(f"No limit per {per} is set for the {scope} {name}.")
    session.delete(row)


def _store(
    session: Session, scope: str, name: str, per: str, count: int | None, *, actor: str, now: datetime
) -> Limit:
    scope, name = _known(scope, SCOPES), checked_name(session, scope, name)
    row = _find(session, scope, name, per)
    if row is None:
        row = Limit(scope=scope, name=name, per=_known(per, (*PERIODS, AT_ONCE)))
        session.add(row)
    row.count, row.updated_by, row.updated_at = count, actor, now
    return row


def _find(session: Session, scope: str, name: str, per: str) -> Limit | None:
    return session.scalar(select(Limit).where(Limit.scope == scope, Limit.name == name, Limit.per == per))


def set_warm_up(
    session: Session,
    scope: str,
    name: str,
    *,
    first_day: date,
    days: Sequence[int],
    growth: int,
    most: int,
    per_group: int | None = None,
    time_zone: str = "UTC",
    actor: str,
) -> WarmUp:
    """Set the plan of a relay or publication; a publication's days are those of its own zone."""
    scope, name = _known(scope, PLANNED), checked_name(session, scope, name)
    if not 1 <= len(days) <= MOST_DAYS:
        raise InvalidInput(f"A warm-up plan has 1 to {MOST_DAYS} days: write their caps as 50,75,100.")
    if not 0 <= growth <= 100:
        raise InvalidInput("A warm-up grows by 0 to 100 per cent a day; 25 is usual.")
    row = session.scalar(select(WarmUp).where(WarmUp.scope == scope, WarmUp.name == name))
    if row is None:
        row = WarmUp(scope=scope, name=name)
        session.add(row)
    row.first_day, row.days, row.growth = first_day, [checked_count(one) for one in days], growth
    row.most, row.per_group = checked_count(most), per_group and checked_count(per_group)
    row.time_zone = (
        get_publication(session, name).time_zone if scope == "publication" else checked_zone(time_zone)
    )
    row.updated_by = actor
    return row


def set_hours(
    session: Session,
    scope: str,
    name: str,
    *,
    opens_at: time | None = None,
    closes_at: time | None = None,
    spread_minutes: int | None = None,
    actor: str,
) -> SendingHours:
    """Set when a publication or campaign may send, and over how long each campaign is spread."""
    scope, name = _known(scope, TIMED), checked_name(session, scope, name)
    if (opens_at is None) != (closes_at is None):
        raise InvalidInput("Sending hours have a beginning and an end: write 08:00-20:00.")
    if opens_at is None and spread_minutes is None:
        raise InvalidInput("Say between which hours may be sent, or over how many minutes.")
    if spread_minutes is not None and not 1 <= spread_minutes <= MOST_SPREAD_MINUTES:
        raise InvalidInput("A campaign can be spread over 1 minute to 7 days.")
    row = session.scalar(select(SendingHours).where(SendingHours.scope == scope, SendingHours.name == name))
    if row is None:
        row = SendingHours(scope=scope, name=name)
        session.add(row)
    row.opens_at, row.closes_at, row.spread_minutes, row.updated_by = (
        opens_at,
        closes_at,
        spread_minutes,
        actor,
    )
    return row


def remove_plan(session: Session, table: type[WarmUp | SendingHours], scope: str, name: str) -> None:
    """Remove a warm-up plan or sending hours.

    :raises NotFound: when there are none.
    """
    row = session.scalar(select(table).where(table.scope == scope, table.name == name))
    if row is None:
        raise NotFound(f"Nothing of the kind is set for the {scope} {name[:80]}.")
    session.delete(row)


def checked_name(session: Session, scope: str, name: str) -> str:
    """Return the name of something that a rule can be for.

    :raises InvalidInput: when it cannot be a name.
    :raises NotFound: when there is no such publication or campaign.
    """
    name = name.strip().lower()
    if scope == "publication":
        return get_publication(session, name).slug
    if scope == "campaign":
        if (
            not name.isascii()
            or not name.isdecimal()
            or len(name) > 18
            or session.get(Campaign, int(name)) is None
        ):
            raise NotFound(f"There is no campaign {name[:40]}.")
        return str(int(name))
    if not _NAME.fullmatch(name):
        raise InvalidInput(f"“{name[:80]}” is no name of a {scope}: use letters, digits, dots and hyphens.")
    if scope == "relay" and name != FALLBACK_NAME and not _is_relay(session, name):
        raise NotFound(f"There is no relay {name}: “newsletter relay list” shows those that there are.")
    return name


def _is_relay(session: Session, name: str) -> bool:
    return session.scalar(select(RelayRow.id).where(RelayRow.name == name)) is not None


def checked_zone(name: str) -> str:
    """Return the name of a time zone.

    :raises InvalidInput: when there is none of that name.
    """
    try:
        return ZoneInfo(name).key
    except (ValueError, OSError, KeyError):
        raise InvalidInput(f"There is no time zone {name[:60]}: write Europe/Berlin or UTC.") from None


def _known(word: str, words: Sequence[str]) -> str:
    if word not in words:
        raise InvalidInput(f"“{word[:40]}” is not one of {', '.join(words)}.")
    return word
