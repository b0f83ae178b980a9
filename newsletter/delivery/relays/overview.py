"""Relays as people see them: everything but the password."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy.orm import Session

from newsletter.delivery.relays.address import RelayAddress
from newsletter.delivery.relays.models import RelayRow
from newsletter.delivery.relays.service import list_relays


@dataclass(frozen=True, slots=True)
class RelayView:
    """One relay. `url` has no password in it."""

    name: str
    url: str
    has_password: bool
    weight: int
    from_domains: tuple[str, ...]
    connections: int | None
    messages_per_connection: int
    is_enabled: bool

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)


def relay_views(session: Session) -> list[RelayView]:
    """Return all relays by name."""
    return [view_of(row) for row in list_relays(session)]


def view_of(row: RelayRow) -> RelayView:
    """Return one relay as people see it."""
    return RelayView(
        name=row.name,
        url=RelayAddress(row.scheme, row.host, row.port, row.username).url,
        has_password=row.sealed_password is not None,
        weight=row.weight,
        from_domains=tuple(row.from_domains),
        connections=row.connections,
        messages_per_connection=row.messages_per_connection,
        is_enabled=row.is_enabled,
    )
