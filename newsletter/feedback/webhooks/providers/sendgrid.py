"""SendGrid: an array of events, signed by ECDSA over timestamp and raw body. What is unique is `sg_event_id`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from newsletter.feedback.webhooks.news import Meaning, News, meaning_of, told_news
from newsletter.feedback.webhooks.provider import Provider
from newsletter.feedback.webhooks.reading import first_text, moment, objects, pick, references, text
from newsletter.feedback.webhooks.request import WebhookRequest
from newsletter.feedback.webhooks.secrets import Secrets
from newsletter.feedback.webhooks.signatures import check_age, check_ecdsa, public_key

WINDOW_SECONDS: Final = 600
_SIGNATURE: Final = "x-twilio-email-event-webhook-signature"
_TIMESTAMP: Final = "x-twilio-email-event-webhook-timestamp"
_WORDS: Final = {
    "processed": Meaning("queued"),
    "deferred": Meaning("deferred"),
    "delivered": Meaning("delivered"),
    "bounce": Meaning("bounced", "hard"),
    "dropped": Meaning("rejected"),
    "open": Meaning("opened"),
    "click": Meaning("clicked"),
    "spamreport": Meaning("complained"),
    "unsubscribe": Meaning("unsubscribed"),
    "group_unsubscribe": Meaning("unsubscribed"),
    "group_resubscribe": Meaning("subscribed"),
}
#: A bounce whose `type` is one of these was a refusal: the address may be alive.
_BLOCK_TYPES: Final = {
    "blocked": Meaning("bounced", "soft", "blocked"),
    "expired": Meaning("bounced", "soft", "network"),
}


class SendGrid(Provider):
    """Twilio SendGrid's Event Webhook."""

    name = "sendgrid"
    label = "SendGrid"
    signing = "Verification key"
    setup = "Settings, Mail Settings, Event Webhook: paste the address, switch signature verification on and copy its key."
    carrier = 'X-SMTPAPI: {"unique_args": {"newsletter_token": "{token}"}}'

    def check_signature(self, request: WebhookRequest, secrets: Secrets, now: datetime | None) -> None:
        """Verify ECDSA over timestamp and body."""
        timestamp = request.header(_TIMESTAMP)
        check_ecdsa(request.header(_SIGNATURE), secrets.signing, timestamp.encode() + request.body)
        check_age(timestamp, now, WINDOW_SECONDS)

    def check_secret(self, secret: str) -> None:
        """Read the key."""
        public_key(secret)

    def split(self, document: Any) -> list[Any]:
        """Return the events of the array."""
        return list(objects(document))

    def read(self, document: Any, request: WebhookRequest) -> Iterator[News]:
        """Yield one event."""
        told = text(document, "event") or ""
        meaning = _meaning(told, text(document, "type"))
        said = first_text(document, "response", "reason") or ""
        yield told_news(
            meaning,
            said,
            text(document, "status"),
            told=told,
            recipient=text(document, "email"),
            event_id=text(document, "sg_event_id"),
            message_id=first_text(document, "anymail_id", "smtp-id", "sg_message_id"),
            at=moment(pick(document, "timestamp")),
            references=references(pick(document, "newsletter_token"), pick(document, "smtp-id")),
            identity=f"{text(document, 'sg_message_id')} {text(document, 'timestamp')}",
        )


def _meaning(told: str, kind_of_bounce: str | None) -> Meaning:
    if told == "bounce" and kind_of_bounce in _BLOCK_TYPES:
        return _BLOCK_TYPES[kind_of_bounce]
    return meaning_of(_WORDS, told)
