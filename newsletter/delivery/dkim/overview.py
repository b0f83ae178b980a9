"""Keys as people see them: state, what DNS said, and the record to publish. No private half."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from newsletter.delivery.dkim.keys import signer_of
from newsletter.delivery.dkim.models import DkimKey
from newsletter.delivery.dkim.service import list_keys
from newsletter.errors import ConfigurationError
from newsletter.rendering.dkim_record import record_name, record_value, zone_line
from newsletter.sealing import Sealer


@dataclass(frozen=True, slots=True)
class KeyView:
    """One key. `zone_line` is the record as a zone file takes it; `trouble` says why the key cannot be opened."""

    id: int
    domain: str
    selector: str
    algorithm: str
    state: str
    created_at: datetime
    activated_at: datetime | None
    retired_at: datetime | None
    record_state: str
    asked_at: datetime | None
    record_name: str = ""
    record_value: str = ""
    zone_line: str = ""
    trouble: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)


def key_views(session: Session, sealer: Sealer, domain: str = "") -> list[KeyView]:
    """Return all keys, or those of a domain."""
    return [view_of(row, sealer) for row in list_keys(session, domain)]


def view_of(row: DkimKey, sealer: Sealer) -> KeyView:
    """Return one key as people see it."""
    return KeyView(
        id=row.id, domain=row.domain, selector=row.selector, algorithm=row.algorithm, state=row.state,
        created_at=row.created_at, activated_at=row.activated_at, retired_at=row.retired_at,
        record_state=row.record_state, asked_at=row.asked_at, **_record(row, sealer),
    )  # fmt: skip


def _record(row: DkimKey, sealer: Sealer) -> dict[str, str]:
    try:
        signer = signer_of(sealer, row)
    except ConfigurationError as error:
        return {"trouble": str(error)}
    return {
        "record_name": record_name(signer), "record_value": record_value(signer), "zone_line": zone_line(signer),
    }  # fmt: skip
