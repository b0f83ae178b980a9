"""Postal: one event a request, signed by RSA over the raw body: SHA-256 in newer versions, SHA-1 in all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from email.utils import parseaddr
from typing import Any, Final

from newsletter.feedback.webhooks.news import UNKNOWN, Meaning, News, meaning_of, told_news
from newsletter.feedback.webhooks.provider import Provider
from newsletter.feedback.webhooks.reading import an_object, moment, pick, references, text
from newsletter.feedback.webhooks.request import Refused, WebhookRequest
from newsletter.feedback.webhooks.secrets import Secrets
from newsletter.feedback.webhooks.signatures import check_rsa, public_key

_STATUS: Final = {
    "Sent": Meaning("delivered"),
    "SoftFail": Meaning("deferred"),
    "HardFail": Meaning("failed"),
    "Bounced": Meaning("bounced"),
    "Held": Meaning("queued"),
}
_EVENTS: Final = {
    "MessageSent": Meaning("delivered"),
    "MessageDelayed": Meaning("deferred"),
    "MessageDeliveryFailed": Meaning("failed"),
    "MessageHeld": Meaning("queued"),
    "MessageBounced": Meaning("bounced"),
    "MessageLinkClicked": Meaning("clicked"),
    "MessageLoaded": Meaning("opened"),
}


class Postal(Provider):
    """Postal's webhooks."""

    name = "postal"
    label = "Postal"
    signing = "Public key"
    setup = "Server, Webhooks: paste the address for all events; the key is what “postal default-dkim-record” shows after p=."

    def check_signature(self, request: WebhookRequest, secrets: Secrets, now: datetime | None) -> None:
        """Verify RSA over the body. It has no timestamp: what is unique is the event's uuid."""
        keys = tuple(public_key(each) for each in secrets.signing)
        newer = request.header("x-postal-signature-256")
        if newer:
            check_rsa(newer, keys, request.body, "sha256")
        else:
            check_rsa(request.header("x-postal-signature"), keys, request.body, "sha1")

    def check_secret(self, secret: str) -> None:
        """Read the key."""
        public_key(secret)

    def split(self, document: Any) -> list[Any]:
        """Return the one event; none about mail that came in.

        :raises Refused: for the message of a route: that is another endpoint.
        """
        event = an_object(document)
        if "rcpt_to" in event and "payload" not in event:
            raise Refused("This is a message of a Postal route: set the address as a webhook.")
        return [] if text(_message(event), "direction") == "incoming" else [event]

    def read(self, document: Any, request: WebhookRequest) -> Iterator[News]:
        """Yield the event."""
        told = text(document, "event") or ""
        payload, message = pick(document, "payload"), _message(document)
        meaning = _meaning(told, payload)
        said = text(payload, "output") or text(payload, "details") or ""
        yield told_news(
            meaning,
            said,
            told=told or text(payload, "status") or "",
            recipient=parseaddr(text(message, "to") or "")[1] or None,
            event_id=text(document, "uuid"),
            message_id=text(message, "id") or text(message, "message_id"),
            at=moment(pick(document, "timestamp")),
            references=references(pick(message, "message_id")),
            identity=f"{text(message, 'id')} {text(document, 'timestamp')}",
        )


def _message(event: Any) -> Any:
    return pick(event, "payload", "message") or pick(event, "payload", "original_message")


def _meaning(told: str, payload: Any) -> Meaning:
    """The status counts; where there is none, what else the event holds, and its name."""
    status = text(payload, "status")
    if status is not None:
        return meaning_of(_STATUS, status)
    if pick(payload, "bounce") is not None:
        return Meaning("bounced")
    if pick(payload, "url") is not None:
        return Meaning("clicked")
    return _EVENTS.get(told, UNKNOWN)
