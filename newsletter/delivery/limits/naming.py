"""Names that rules may be for: checked when somebody sets one, so that a typing mistake does not hold silently."""

from __future__ import annotations

import re
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.delivery.models import Campaign
from newsletter.delivery.relays.models import RelayRow
from newsletter.delivery.relays.service import FALLBACK_NAME
from newsletter.errors import InvalidInput, NotFound
from newsletter.issues.service import get_publication

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,251}[a-z0-9])?")


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


def known(word: str, words: Sequence[str]) -> str:
    if word not in words:
        raise InvalidInput(f"“{word[:40]}” is not one of {', '.join(words)}.")
    return word
