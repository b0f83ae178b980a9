"""How long requests are kept, and forgetting what they say about a person who was erased (C4)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from newsletter.delivery.models import Delivery
from newsletter.feedback.webhooks.models import ProviderEvent, ProviderRequest

#: Raw requests hold addresses. A month is enough to look at what was not understood.
BODIES_KEPT: Final = timedelta(days=30)
#: A provider tries again for a day or two; after this an event would be taken for a new one, and still find its entry.
EVENTS_KEPT: Final = timedelta(days=180)
_UNSYNCED: Final = {"synchronize_session": False}


def tidy(session: Session, now: datetime) -> None:
    """Empty requests that are a month old and read, and forget events that are half a year old."""
    session.execute(
        update(ProviderRequest)
        .where(ProviderRequest.received_at < now - BODIES_KEPT)
        .where(ProviderRequest.state != "new", ProviderRequest.body != b"")
        .values(body=b"")
        .execution_options(**_UNSYNCED)
    )
    old = now - EVENTS_KEPT
    session.execute(delete(ProviderEvent).where(ProviderEvent.at < old).execution_options(**_UNSYNCED))
    session.execute(
        delete(ProviderRequest)
        .where(ProviderRequest.received_at < old, ProviderRequest.state != "new")
        .execution_options(**_UNSYNCED)
    )


def forget(session: Session, address_key: str) -> None:
    """Empty the requests that told of mail to this address; what they changed was changed long ago."""
    mail = select(Delivery.id).where(Delivery.address_key == address_key)
    told = select(ProviderEvent.request_id).where(ProviderEvent.delivery_id.in_(mail))
    session.execute(
        update(ProviderRequest)
        .where(ProviderRequest.id.in_(told), ProviderRequest.state != "new")
        .values(body=b"")
        .execution_options(**_UNSYNCED)
    )
