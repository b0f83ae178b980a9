"""Adding, changing and choosing relays."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.delivery.dkim.service import checked_domain
from newsletter.delivery.relays.address import RelayAddress, read_url
from newsletter.delivery.relays.health import Health
from newsletter.delivery.relays.models import RelayRow
from newsletter.delivery.relays.routes import Relay, Routes
from newsletter.delivery.smtp.target import SmtpTarget
from newsletter.errors import Conflict, InvalidInput, NotFound
from newsletter.sealing import Sealer

#: The name under which limits know the relay of NEWSLETTER_SMTP_URL.
FALLBACK_NAME = "default"
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
#: By clock, name and address: a relay that was given another address starts afresh.
_health: dict[tuple[Callable[[], float], str, SmtpTarget], Health] = {}
_BOUNDS = {"weight": (0, 1000), "connections": (1, 50), "messages_per_connection": (1, 100_000)}


def add_relay(
    session: Session, sealer: Sealer, name: str, url: str, *, actor: str, **values: Any
) -> RelayRow:
    """Add a relay by its URL; `values` as `edit_relay` takes them.

    :raises Conflict: when there is one of that name.
    """
    if not _NAME.fullmatch(name) or name == FALLBACK_NAME:
        raise InvalidInput("A relay's name is up to 40 small letters, digits and hyphens, and not “default”.")
    row = RelayRow(name=name, from_domains=[], weight=1, messages_per_connection=1000, is_enabled=True)
    _set_address(row, sealer, read_url(url))
    _set_values(row, values)
    session.add(row)
    try:
        session.flush()
    except IntegrityError:
        raise Conflict(f"There is a relay {name} already.") from None
    _note(session, row, "relay.add", actor)
    return row


def edit_relay(
    session: Session, sealer: Sealer, row: RelayRow, *, actor: str, url: str = "", **values: Any
) -> None:
    """Change a relay: a new URL, `weight`, `connections`, `messages_per_connection`, `from_domains`, `is_enabled`.

    A URL with a user but without a password keeps the password that is there, as long as host and user stay.
    """
    if url:
        _set_address(row, sealer, read_url(url))
    _set_values(row, values)
    _note(session, row, "relay.edit", actor)


def remove_relay(session: Session, row: RelayRow, *, actor: str) -> None:
    """Forget a relay and its password."""
    _note(session, row, "relay.remove", actor)
    session.delete(row)


def list_relays(session: Session) -> list[RelayRow]:
    """Return all relays by name."""
    return list(session.scalars(select(RelayRow).order_by(RelayRow.name)))


def get_relay(session: Session, name: str) -> RelayRow:
    """Return a relay.

    :raises NotFound: when there is none of that name.
    """
    known = _NAME.fullmatch(name)
    row = session.scalar(select(RelayRow).where(RelayRow.name == name)) if known else None
    if row is None:
        raise NotFound(f"There is no relay {name[:60]!r}: newsletter relay list")
    return row


def routes_for(
    session: Session,
    sealer: Sealer,
    from_domain: str,
    *,
    fallback: SmtpTarget,
    monotonic: Callable[[], float],
) -> Routes:
    """Return the relays for mail of a From domain: those named for it, else those named for none, else the fallback."""
    rows = [row for row in list_relays(session) if row.is_enabled]
    named = [row for row in rows if is_named_for(row, from_domain)]
    chosen = named or [row for row in rows if not row.from_domains]
    relays = [relay_of(sealer, row) for row in chosen] or [Relay(FALLBACK_NAME, fallback)]
    return Routes(relays, monotonic, _known_health(relays, monotonic))


def _known_health(relays: Sequence[Relay], monotonic: Callable[[], float]) -> dict[str, Health] | None:
    """What this process learnt of several relays: a dead one is not found out anew by each task.

    A relay without an alternative starts afresh: resting longer than a task would only delay its mail.
    """
    if len(relays) == 1:
        return None
    return {
        relay.name: _health.setdefault((monotonic, relay.name, relay.target), Health(monotonic))
        for relay in relays
    }


def is_named_for(row: RelayRow, from_domain: str) -> bool:
    """Say whether a relay names a From domain or one above it."""
    domain = from_domain.lower()
    return any(domain == each or domain.endswith("." + each) for each in row.from_domains)


def relay_of(sealer: Sealer, row: RelayRow) -> Relay:
    """Open a relay's password and return it as the engine uses it."""
    password = sealer.open(row.sealed_password, _about(row)).decode() if row.sealed_password else ""
    address = RelayAddress(row.scheme, row.host, row.port, row.username, password)
    return Relay(row.name, address.target, row.weight, row.connections, row.messages_per_connection)


def _set_address(row: RelayRow, sealer: Sealer, address: RelayAddress) -> None:
    """A password without its host would be sent to whoever the new host is: it goes when host or user change."""
    stays = (row.host, row.username) == (address.host, address.username)
    row.scheme, row.host, row.port, row.username = (
        address.scheme, address.host, address.port, address.username,
    )  # fmt: skip
    if address.password:
        row.sealed_password = sealer.seal(address.password.encode(), _about(row))
    elif not stays:
        row.sealed_password = None
    if row.sealed_password and address.is_in_the_clear:
        raise InvalidInput("A password must not go in the clear: use smtp+starttls:// or smtps://.")


def _set_values(row: RelayRow, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if name in _BOUNDS:
            setattr(row, name, _bounded(name, value))
        elif name == "from_domains":
            row.from_domains = _domains(value)
        elif name == "is_enabled":
            row.is_enabled = bool(value)
        else:
            raise InvalidInput(f"A relay has no {name}.")


def _bounded(name: str, value: Any) -> int | None:
    if value is None and name == "connections":
        return None
    least, most = _BOUNDS[name]
    if not isinstance(value, int) or not least <= value <= most:
        raise InvalidInput(f"The {name.replace('_', ' ')} must be a number from {least} to {most:,}.")
    return value


def _domains(domains: Sequence[str]) -> list[str]:
    return sorted({checked_domain(each) for each in domains})


def _about(row: RelayRow) -> str:
    return f"relay/{row.name}"


def _note(session: Session, row: RelayRow, action: str, actor: str) -> None:
    details = {
        "host": row.host, "port": row.port, "security": row.scheme, "weight": row.weight,
        "from_domains": row.from_domains, "enabled": row.is_enabled,
    }  # fmt: skip
    audit.record(session, actor=actor, action=action, object=f"relay {row.name}", details=details)
