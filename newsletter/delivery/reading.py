"""The ledger read row by row: who got what, when, and what the server answered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from newsletter.delivery.models import Campaign, Delivery, of_campaign
from newsletter.delivery.states import DeliveryState
from newsletter.errors import InvalidInput
from newsletter.issues.snapshot import IssueSnapshot
from newsletter.reasons import enhanced_status
from newsletter.rendering.tokens import Keyring

BATCH = 2000


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One delivery as scripts read it; `status` is the enhanced status of the answer (RFC 3463)."""

    address: str
    state: str
    message_id: str
    attempts: int
    smtp_code: int | None
    status: str | None
    reason: str | None
    response: str | None
    sent_at: datetime | None


def state_of(word: str) -> DeliveryState:
    """Return the state that a report's word names.

    :raises InvalidInput: for another word.
    """
    try:
        return DeliveryState[word.upper()]
    except KeyError:
        words = ", ".join(state.word for state in DeliveryState)
        raise InvalidInput(f"There is no state {word!r}: choose one of {words}.") from None


def ledger_rows(
    session: Session,
    campaign: Campaign,
    keyring: Keyring,
    *,
    state: DeliveryState | None = None,
    prefix: str = "",
) -> Iterator[LedgerRow]:
    """Yield the deliveries of a campaign in the order of the ledger; memory stays flat at a million rows.

    `prefix` keeps the addresses that begin with it, in small letters or large ones.
    """
    wanted = _wanted(campaign.id, state, prefix)
    domain = IssueSnapshot.from_document(campaign.snapshot.document).publication.from_domain
    after = 0
    while batch := _batch(session, wanted, after):
        for row in batch:
            yield _ledger_row(row, f"<{keyring.message_id.sign(row.id)}@{domain}>")
        after = batch[-1].id
        session.expunge_all()


def _wanted(campaign_id: int, state: DeliveryState | None, prefix: str) -> Select[Delivery]:
    statement = select(Delivery).where(of_campaign(campaign_id)).order_by(Delivery.id).limit(BATCH)
    if state is not None:
        statement = statement.where(Delivery.state == int(state))
    if begins := prefix.strip().lower():
        statement = statement.where(Delivery.address_key.startswith(begins, autoescape=True))
    return statement


def _batch(session: Session, wanted: Select[Delivery], after: int) -> list[Delivery]:
    return list(session.scalars(wanted.where(Delivery.id > after)))


def _ledger_row(row: Delivery, message_id: str) -> LedgerRow:
    return LedgerRow(
        address=row.address,
        state=DeliveryState(row.state).word,
        message_id=message_id,
        attempts=row.attempts,
        smtp_code=row.smtp_code,
        status=enhanced_status(row.response or ""),
        reason=row.reason,
        response=row.response,
        sent_at=row.sent_at,
    )
