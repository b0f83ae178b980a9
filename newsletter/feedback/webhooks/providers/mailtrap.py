"""Mailtrap: events in a member `events`; signed by HMAC over the raw body where that is switched on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from newsletter.feedback.webhooks.news import Meaning, News, meaning_of, told_news
from newsletter.feedback.webhooks.provider import Provider
from newsletter.feedback.webhooks.reading import (
    an_object,
    first_text,
    moment,
    objects,
    pick,
    references,
    text,
)
from newsletter.feedback.webhooks.request import WebhookRequest
from newsletter.feedback.webhooks.secrets import Secrets
from newsletter.feedback.webhooks.signatures import check_hmac

_WORDS: Final = {
    "delivery": Meaning("delivered"),
    "open": Meaning("opened"),
    "click": Meaning("clicked"),
    "bounce": Meaning("bounced", "hard"),
    "soft bounce": Meaning("deferred"),
    "suspension": Meaning("deferred"),
    "reject": Meaning("rejected", None, "blocked"),
    "spam": Meaning("complained"),
    "unsubscribe": Meaning("unsubscribed"),
}


class Mailtrap(Provider):
    """Mailtrap's Email API webhooks."""

    name = "mailtrap"
    label = "Mailtrap"
    signing = "Signature key"
    setup = "Settings, Webhooks: paste the address, select every event, and copy the signature key."
    carrier = 'X-MT-Custom-Variables: {"newsletter_token": "{token}"}'

    def check_signature(self, request: WebhookRequest, secrets: Secrets, now: datetime | None) -> None:
        """Verify the HMAC over the body. It has no timestamp: what is unique is each event's id."""
        check_hmac(request.header("mailtrap-signature"), secrets.signing, request.body, "sha256")

    def split(self, document: Any) -> list[Any]:
        """Return the events."""
        return list(objects(an_object(document).get("events", [])))

    def read(self, document: Any, request: WebhookRequest) -> Iterator[News]:
        """Yield one event."""
        told = text(document, "event") or ""
        meaning = meaning_of(_WORDS, told)
        said = first_text(document, "response", "reason") or ""
        yield told_news(
            meaning,
            said,
            told=told,
            recipient=text(document, "email"),
            event_id=text(document, "event_id"),
            message_id=text(document, "message_id"),
            at=moment(pick(document, "timestamp")),
            references=references(pick(document, "custom_variables")),
            identity=f"{text(document, 'message_id')} {text(document, 'timestamp')}",
        )
