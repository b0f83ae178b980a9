"""MailerSend: one activity a request, signed by HMAC over the raw body. Two shapes: nested (v1) and flat (v2)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from newsletter.feedback.webhooks.news import Meaning, News, meaning_of, told_news
from newsletter.feedback.webhooks.provider import Provider
from newsletter.feedback.webhooks.reading import an_object, first_text, items, moment, pick, references, text
from newsletter.feedback.webhooks.request import Refused, WebhookRequest
from newsletter.feedback.webhooks.secrets import Secrets
from newsletter.feedback.webhooks.signatures import check_hmac

_WORDS: Final = {
    "sent": Meaning("sent"),
    "delivered": Meaning("delivered"),
    "deferred": Meaning("deferred"),
    "soft_bounced": Meaning("bounced", "soft"),
    "hard_bounced": Meaning("bounced", "hard"),
    "suppressed": Meaning("rejected", None, "blocked"),
    "opened": Meaning("opened"),
    "opened_unique": Meaning("opened"),
    "clicked": Meaning("clicked"),
    "clicked_unique": Meaning("clicked"),
    "unsubscribed": Meaning("unsubscribed"),
    "spam_complaint": Meaning("complained"),
    "spam_complaints": Meaning("complained"),
}
_WHY: Final = (
    "bounce_reason",
    "reject_reason",
    "suppression_reason",
    "unsubscribe_reason",
    "readable_reason",
    "reason",
)


class MailerSend(Provider):
    """MailerSend's activity webhooks."""

    name = "mailersend"
    label = "MailerSend"
    signing = "Signing secret"
    setup = "Domain, Webhooks: paste the address, tick every event, and copy the signing secret."

    def check_signature(self, request: WebhookRequest, secrets: Secrets, now: datetime | None) -> None:
        """Verify the HMAC over the body. It has no timestamp: what is unique is the activity's id."""
        check_hmac(request.header("signature"), secrets.signing, request.body, "sha256")

    def split(self, document: Any) -> list[Any]:
        """Return the one activity; none for the test when a webhook is made.

        :raises Refused: for mail that came in: that is another webhook.
        """
        kind = text(an_object(document), "type")
        if kind == "inbound.message":
            raise Refused("This is MailerSend's inbound route: set the address as a webhook for activity.")
        return [] if kind == "webhook.test" else [document]

    def read(self, document: Any, request: WebhookRequest) -> Iterator[News]:
        """Yield the activity."""
        data = pick(document, "data")
        told = text(data, "type") or (text(document, "type") or "").rpartition(".")[2]
        meaning = meaning_of(_WORDS, told)
        why = pick(data, "morph") if isinstance(pick(data, "email"), dict) else pick(data, "meta")
        said = " ".join(filter(None, (text(why, "bounce_code"), first_text(why, *_WHY))))
        headers = [pick(each, "value") for each in items(data, "email", "headers")]
        yield told_news(
            meaning,
            said,
            told=told,
            recipient=text(data, "email", "recipient", "email") or text(data, "recipient"),
            event_id=text(data, "id"),
            message_id=text(data, "email", "message", "id") or text(data, "message_id"),
            at=moment(text(data, "created_at") or text(document, "created_at")),
            references=references(headers, pick(data, "email", "tags"), pick(data, "tags")),
            identity=f"{text(document, 'created_at')}",
        )
