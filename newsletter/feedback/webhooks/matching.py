"""Which delivery an event is about: by our own signed token in what the provider gives back, never by an address (W2)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.audience.upsert import among
from newsletter.delivery.models import Campaign, Delivery
from newsletter.delivery.relays.models import RelayRow
from newsletter.delivery.relays.service import FALLBACK_NAME, is_named_for
from newsletter.feedback.webhooks.models import ProviderAccount
from newsletter.feedback.webhooks.news import News
from newsletter.feedback.webhooks.reading import text
from newsletter.rendering.tokens import TOKEN_LENGTH, Keyring

_TOKEN: Final = re.compile(rf"(?<![a-z0-9])[a-z2-7]{{{TOKEN_LENGTH}}}(?![a-z0-9])", re.IGNORECASE)
#: A message's own headers hold three or four.
_MOST_TOKENS: Final = 20


def delivery_named_in(news: News, keyring: Keyring) -> int | None:
    """Return the number of the delivery whose token stands in what the provider returned; a forged token is none."""
    found = (token for each in news.references for token in _TOKEN.findall(each))
    for _, token in zip(range(_MOST_TOKENS), found, strict=False):
        for signer in (keyring.message_id, keyring.return_path, keyring.recipient):
            number = signer.verify(token.lower())
            if number is not None:
                return number
    return None


def deliveries_by_id(session: Session, numbers: Iterable[int]) -> dict[int, Delivery]:
    """Return deliveries by their numbers; those that are gone are left out."""
    wanted = sorted(set(numbers))
    if not wanted:
        return {}
    return {
        row.id: row for row in session.scalars(select(Delivery).where(among(session, Delivery.id, wanted)))
    }


class Carried:
    """Which campaigns went through the relay of an account; asked once for each campaign."""

    def __init__(self, session: Session, account: ProviderAccount) -> None:
        self._session = session
        self._relay = account.relay
        self._known: dict[int, bool] = {}

    def includes(self, campaign_id: int) -> bool:
        """Say whether mail of this campaign may have gone through the account's relay."""
        if campaign_id not in self._known:
            self._known[campaign_id] = self._may_carry(campaign_id)
        return self._known[campaign_id]

    def _may_carry(self, campaign_id: int) -> bool:
        campaign = self._session.get(Campaign, campaign_id)
        if campaign is None:
            return False
        return self._relay in relay_names_for(self._session, from_domain_of(campaign))


def from_domain_of(campaign: Campaign) -> str:
    """Return the From domain that a campaign was sent with; the whole snapshot is a large thing to read for it."""
    sent_with = text(campaign.snapshot.document, "publication", "from_address")
    return (sent_with or campaign.issue.publication.from_address).rpartition("@")[2].lower()


def relay_names_for(session: Session, from_domain: str) -> set[str]:
    """Return the relays that take mail of a From domain, those that are off now included: their events come later."""
    rows = list(session.scalars(select(RelayRow)))
    named = [row for row in rows if is_named_for(row, from_domain)]
    chosen = named or [row for row in rows if not row.from_domains]
    usable = any(row.is_enabled for row in chosen)
    return {row.name for row in chosen} | (set() if usable else {FALLBACK_NAME})
