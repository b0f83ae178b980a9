"""Mailjet: an array of events, or a single bare one when events are not grouped; not signed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from newsletter.feedback.webhooks.news import Meaning, News, meaning_of, told_news
from newsletter.feedback.webhooks.provider import Provider
from newsletter.feedback.webhooks.reading import first_text, moment, objects, pick, references, text
from newsletter.feedback.webhooks.request import WebhookRequest

_WORDS: Final = {
    "sent": Meaning("delivered"),
    "open": Meaning("opened"),
    "click": Meaning("clicked"),
    "bounce": Meaning("bounced"),
    "blocked": Meaning("rejected"),
    "spam": Meaning("complained"),
    "unsub": Meaning("unsubscribed"),
}
#: What `error` says, whoever `error_related_to` names.
_REASONS: Final = {
    "user unknown": "dead",
    "mailbox inactive": "dead",
    "invalid domain": "dead",
    "no mail host": "dead",
    "typofix": "dead",
    "quota exceeded": "full",
    "blacklisted": "blocked",
    "spam reporter": "blocked",
    "relay/access denied": "blocked",
    "sender blocked": "blocked",
    "preblocked": "blocked",
    "content blocked": "policy",
    "policy issue": "policy",
    "greylisted": "delayed",
    "connection issue": "network",
    "protocol issue": "network",
}


class Mailjet(Provider):
    """Mailjet's Event API."""

    name = "mailjet"
    label = "Mailjet"
    setup = "Account, Event notifications: paste the address with user and password in front of the host, for every event."
    carrier = "X-MJ-CustomID: {token}"

    def split(self, document: Any) -> list[Any]:
        """Return the events."""
        return list(objects(document if isinstance(document, list) else [document]))

    def read(self, document: Any, request: WebhookRequest) -> Iterator[News]:
        """Yield one event."""
        told = text(document, "event") or ""
        meaning = _meaning(document, told)
        said = " ".join(
            filter(None, (text(document, "error"), first_text(document, "comment", "smtp_reply")))
        )
        message_id = text(document, "MessageID")
        yield told_news(
            meaning,
            said,
            told=told,
            recipient=text(document, "email"),
            message_id=message_id,
            at=moment(pick(document, "time")),
            references=references(pick(document, "CustomID"), pick(document, "Payload")),
            identity=f"{message_id} {text(document, 'time')} {text(document, 'url')}",
        )


def _meaning(document: Any, told: str) -> Meaning:
    meaning = meaning_of(_WORDS, told)
    if meaning.word not in ("bounced", "rejected"):
        return meaning
    is_hard = pick(document, "hard_bounce") is True
    error = text(document, "error") or ""
    reason = _REASONS.get(error, "unknown")
    if error == "greylisted" and not is_hard:
        return Meaning("deferred", None, "delayed")
    if meaning.word == "rejected" and "hard_bounce" not in document:
        return Meaning("rejected", None, reason)
    return Meaning(meaning.word, "hard" if is_hard else "soft", reason)
