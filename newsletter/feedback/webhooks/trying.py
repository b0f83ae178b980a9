"""A body read as if it had come: not verified, not kept, nothing changed. For a person who sets an account up."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from newsletter.delivery.models import Delivery
from newsletter.feedback.webhooks.matching import Carried, delivery_named_in
from newsletter.feedback.webhooks.models import ProviderAccount
from newsletter.feedback.webhooks.news import News
from newsletter.feedback.webhooks.provider import read_all
from newsletter.feedback.webhooks.providers import provider_named
from newsletter.feedback.webhooks.request import Refused, WebhookRequest
from newsletter.rendering.tokens import Keyring

_MOST_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Line:
    """One event, and whether it is about a message of ours."""

    news: News
    about: str


@dataclass(frozen=True, slots=True)
class Tried:
    """What a body says; `trouble` when it cannot be read."""

    lines: tuple[Line, ...] = ()
    count: int = 0
    trouble: str = ""


def try_body(session: Session, account: ProviderAccount, body: str, *, keyring: Keyring) -> Tried:
    """Return what a body of this account would be read as."""
    provider = provider_named(account.provider)
    kind = "application/x-www-form-urlencoded" if _is_form(provider.takes_forms, body) else "application/json"
    request = WebhookRequest("POST", "", {"content-type": kind}, body.encode("utf-8", "replace"))
    try:
        news = read_all(provider, request)
    except Refused as refusal:
        return Tried(trouble=str(refusal))
    carried = Carried(session, account)
    lines = tuple(Line(each, _about(session, each, keyring, carried)) for each in news[:_MOST_SHOWN])
    return Tried(lines, len(news))


def _is_form(takes_forms: bool, body: str) -> bool:
    return takes_forms and not body.lstrip().startswith(("{", "["))


def _about(session: Session, news: News, keyring: Keyring, carried: Carried) -> str:
    number = delivery_named_in(news, keyring)
    delivery = session.get(Delivery, number) if number is not None else None
    if delivery is None:
        return "no message of ours"
    if not carried.includes(delivery.campaign_id):
        return f"message {delivery.id}, which went through another relay"
    return f"message {delivery.id} of campaign {delivery.campaign_id}"
