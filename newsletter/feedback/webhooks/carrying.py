"""Which headers a message needs so that the providers on its way give its token back."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.feedback.webhooks.matching import relay_names_for
from newsletter.feedback.webhooks.models import ProviderAccount
from newsletter.rendering.carriers import Carrier


def carriers_for(session: Session, from_domain: str) -> tuple[Carrier, ...]:
    """Return the headers for mail of a From domain: one for each provider behind a relay that may take it."""
    accounts = session.execute(select(ProviderAccount.provider, ProviderAccount.relay).distinct()).all()
    if not accounts:
        return ()
    from newsletter.feedback.webhooks.providers import (
        provider_named,
    )  # with every adapter: only where it is used

    relays = relay_names_for(session, from_domain)
    providers = sorted({provider for provider, relay in accounts if relay in relays})
    templates = [provider_named(each).carrier for each in providers]
    return tuple(Carrier.of(each) for each in templates if each)
