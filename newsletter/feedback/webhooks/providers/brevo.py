"""Brevo: one event a request, not signed. Only `ts_epoch` is UTC; its other times are in the account's zone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from newsletter.feedback.webhooks.news import Meaning, News, meaning_of, told_news
from newsletter.feedback.webhooks.provider import Provider
from newsletter.feedback.webhooks.reading import moment, objects, pick, references, text
from newsletter.feedback.webhooks.request import Refused, WebhookRequest

_WORDS: Final = {
    "request": Meaning("queued"),
    "sent": Meaning("queued"),
    "delivered": Meaning("delivered"),
    "deferred": Meaning("deferred"),
    "hard_bounce": Meaning("bounced", "hard"),
    "soft_bounce": Meaning("bounced", "soft"),
    "invalid_email": Meaning("bounced", "hard"),
    "invalid": Meaning("bounced", "hard"),
    "blocked": Meaning("rejected", None, "blocked"),
    "error": Meaning("failed"),
    "spam": Meaning("complained"),
    "complaint": Meaning("complained"),
    "opened": Meaning("opened"),
    "unique_opened": Meaning("opened"),
    "proxy_open": Meaning("opened"),
    "unique_proxy_open": Meaning("opened"),
    "click": Meaning("clicked"),
    "unsubscribe": Meaning("unsubscribed"),
    "unsubscribed": Meaning("unsubscribed"),
    "list_addition": Meaning("subscribed"),
}


class Brevo(Provider):
    """Brevo's transactional webhooks."""

    name = "brevo"
    label = "Brevo"
    setup = "Transactional, Settings, Webhook: paste the address with user and password in front of the host, tick all events."
    carrier = "X-Mailin-custom: {token}"

    def split(self, document: Any) -> list[Any]:
        """Return the one event, or those of a batch.

        :raises Refused: for mail that came in: that is another webhook.
        """
        events = objects(document if isinstance(document, list) else [document])
        if any("items" in each for each in events):
            raise Refused("This is Brevo's inbound webhook: set the address for transactional mail.")
        return list(events)

    def read(self, document: Any, request: WebhookRequest) -> Iterator[News]:
        """Yield one event."""
        told = text(document, "event") or ""
        meaning = meaning_of(_WORDS, told)
        said = text(document, "reason") or ""
        message_id = text(document, "message-id")
        yield told_news(
            meaning,
            said,
            told=told,
            recipient=text(document, "email"),
            message_id=message_id,
            at=moment(pick(document, "ts_epoch")),
            references=references(message_id, pick(document, "X-Mailin-custom")),
            identity=f"{message_id} {text(document, 'ts_epoch') or text(document, 'ts_event')}",
        )
