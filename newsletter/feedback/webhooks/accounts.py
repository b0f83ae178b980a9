"""Accounts at providers: added, rotated, removed, found. Two secrets are valid while one is replaced (W3)."""

from __future__ import annotations

import re
import secrets as randomness
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.delivery.relays.service import FALLBACK_NAME, get_relay
from newsletter.errors import Conflict, InvalidInput, NotFound
from newsletter.feedback.webhooks.models import ProviderAccount
from newsletter.feedback.webhooks.provider import Provider
from newsletter.feedback.webhooks.providers import provider_named
from newsletter.feedback.webhooks.sealed import Sealed, digest_of, opened, seal
from newsletter.sealing import Sealer

_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_PATH: Final = re.compile(r"[A-Za-z0-9_-]{20,64}")
#: Two may be valid at a time (W3).
_MOST_VALID: Final = 2
_MOST_TOPICS: Final = 20


def add_account(
    session: Session,
    sealer: Sealer,
    name: str,
    provider: str,
    *,
    relay: str = FALLBACK_NAME,
    signing: str = "",
    topics: Sequence[str] = (),
    actor: str,
    now: datetime,
) -> ProviderAccount:
    """Add an account; its address and password are made here.

    :raises Conflict: when there is one of that name.
    """
    if not _NAME.fullmatch(name):
        raise InvalidInput("An account's name is up to 40 small letters, digits and hyphens.")
    known = provider_named(provider)
    if relay != FALLBACK_NAME:
        get_relay(session, relay)
    made = Sealed(randomness.token_urlsafe(24), (randomness.token_urlsafe(18),), _signing(known, signing))
    row = ProviderAccount(
        name=name, provider=known.name, relay=relay, topics=_topics(known, topics), created_at=now
    )
    seal(row, sealer, made)
    session.add(row)
    try:
        session.flush()
    except IntegrityError:
        raise Conflict(f"There is an account {name} already.") from None
    _note(session, row, "provider.add", actor, {"provider": known.name, "relay": relay, "topics": row.topics})
    return row


def set_signing(session: Session, sealer: Sealer, row: ProviderAccount, signing: str, *, actor: str) -> None:
    """Take a new signing secret; the one before stays valid until `retire`.

    :raises InvalidInput: for what can be none.
    """
    made = opened(sealer, row)
    new = _signing(provider_named(row.provider), signing)
    if not new:
        raise InvalidInput("Enter the secret as the provider shows it.")
    seal(row, sealer, replace(made, signing=(*new, *made.signing)[:_MOST_VALID]))
    _note(session, row, "provider.secret", actor)


def rotate(session: Session, sealer: Sealer, row: ProviderAccount, *, actor: str) -> None:
    """Make a new password; the one before stays valid until `retire`."""
    made = opened(sealer, row)
    passwords = (randomness.token_urlsafe(18), *made.passwords)[:_MOST_VALID]
    seal(row, sealer, replace(made, passwords=passwords))
    _note(session, row, "provider.rotate", actor)


def retire(session: Session, sealer: Sealer, row: ProviderAccount, *, actor: str) -> None:
    """Forget the older password and signing secret."""
    made = opened(sealer, row)
    seal(row, sealer, replace(made, passwords=made.passwords[:1], signing=made.signing[:1]))
    _note(session, row, "provider.retire", actor)


def set_topics(session: Session, row: ProviderAccount, topics: Sequence[str], *, actor: str) -> None:
    """Set the topics of SNS that are ours."""
    row.topics = _topics(provider_named(row.provider), topics)
    if row.pending_topic not in row.topics:
        row.pending_topic, row.sealed_link = "", None
    _note(session, row, "provider.topics", actor, {"topics": row.topics})


def remove_account(session: Session, row: ProviderAccount, *, actor: str) -> None:
    """Forget an account, its secrets and what it sent; what was applied stays."""
    _note(session, row, "provider.remove", actor)
    session.delete(row)


def list_accounts(session: Session) -> list[ProviderAccount]:
    """Return all accounts by name."""
    return list(session.scalars(select(ProviderAccount).order_by(ProviderAccount.name)))


def get_account(session: Session, name: str) -> ProviderAccount:
    """Return an account.

    :raises NotFound: when there is none of that name.
    """
    wanted = select(ProviderAccount).where(ProviderAccount.name == name)
    row = session.scalar(wanted) if _NAME.fullmatch(name) else None
    if row is None:
        raise NotFound(f"There is no account {name[:60]!r}: newsletter webhooks accounts")
    return row


def account_at(session: Session, provider: str, path: str) -> ProviderAccount | None:
    """Return the account of an address; None for a path that nobody gave out. Looked up by digest, so time tells nothing."""
    if not _PATH.fullmatch(path):
        return None
    row = session.scalar(select(ProviderAccount).where(ProviderAccount.path_digest == digest_of(path)))
    return row if row is not None and row.provider == provider else None


def _signing(provider: Provider, secret: str) -> tuple[str, ...]:
    written = secret.strip()
    if not written:
        return ()
    if not provider.signing:
        raise InvalidInput(f"{provider.label} does not sign its requests: leave the secret empty.")
    if len(written) > 4000:
        raise InvalidInput("This is too long for a signing secret.")
    provider.check_secret(written)
    return (written,)


def _topics(provider: Provider, topics: Sequence[str]) -> list[str]:
    named = sorted({each.strip() for each in topics if each.strip()})
    if len(named) > _MOST_TOPICS:
        raise InvalidInput(f"An account has at most {_MOST_TOPICS} topics.")
    for each in named:
        provider.check_topic(each)
    return named


def _note(
    session: Session, row: ProviderAccount, action: str, actor: str, details: dict[str, Any] | None = None
) -> None:
    audit.record(session, actor=actor, action=action, object=f"account {row.name}", details=details or {})
