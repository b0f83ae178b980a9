"""Mailgun: one event a request, as JSON or (before 2018) as a form. Its HMAC covers timestamp and token, not the body.

So the address must be secret too, and TLS does the rest. The token may be used once.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from email.utils import parseaddr
from typing import Any, Final

from newsletter.feedback.webhooks.forms import Form, read_form
from newsletter.feedback.webhooks.news import Meaning, News, judged, meaning_of
from newsletter.feedback.webhooks.provider import Provider
from newsletter.feedback.webhooks.reading import an_object, clean, moment, parse_json, pick, references, text
from newsletter.feedback.webhooks.request import Refused, WebhookRequest
from newsletter.feedback.webhooks.secrets import Secrets
from newsletter.feedback.webhooks.signatures import check_age, check_hmac, forged

#: Mailgun tries again for eight hours.
WINDOW_SECONDS: Final = 9 * 3600
_FIELDS: Final = ("token", "timestamp", "signature")
_WORDS: Final = {
    "accepted": Meaning("queued"),
    "rejected": Meaning("rejected"),
    "delivered": Meaning("delivered"),
    "failed": Meaning("bounced", "hard"),
    "opened": Meaning("opened"),
    "clicked": Meaning("clicked"),
    "unsubscribed": Meaning("unsubscribed"),
    "complained": Meaning("complained"),
}
_OLD_WORDS: Final = {**_WORDS, "bounced": Meaning("bounced", "hard"), "dropped": Meaning("rejected")}
_OLD_FIELDS: Final = ("event", "recipient", "description", "error", "notification", "code", "reason")


class Mailgun(Provider):
    """Mailgun's webhooks."""

    name = "mailgun"
    label = "Mailgun"
    signing = "HTTP webhook signing key"
    setup = "Sending, Webhooks: add the address for every event; the key is under API Security."
    takes_forms = True

    def check_signature(self, request: WebhookRequest, secrets: Secrets, now: datetime | None) -> None:
        """Verify the HMAC over timestamp and token."""
        signed = _signed(request)
        token, timestamp, signature = (text(signed, name) for name in _FIELDS)
        if not (token and timestamp and signature):
            raise forged()
        check_hmac(signature, secrets.signing, (timestamp + token).encode(), "sha256")
        check_age(timestamp, now, WINDOW_SECONDS)

    def once(self, request: WebhookRequest) -> bytes:
        """Return the signed token: the body is not covered, so each signature is good for one request."""
        return (text(_signed(request), "token") or "").encode()

    def documents(self, request: WebhookRequest) -> list[Any]:
        """Return the event: a JSON document, or a form."""
        return [read_form(request)] if _is_form(request) else self.split(parse_json(request.body))

    def split(self, document: Any) -> list[Any]:
        """Return the one event."""
        if not isinstance(pick(an_object(document), "event-data"), dict):
            raise Refused("The request holds no event-data.")
        return [document]

    def read(self, document: Any, request: WebhookRequest) -> Iterator[News]:
        """Yield the event."""
        yield _old_news(document) if isinstance(document, Form) else _news(document)


def _is_form(request: WebhookRequest) -> bool:
    return request.content_type in ("application/x-www-form-urlencoded", "multipart/form-data")


def _signed(request: WebhookRequest) -> Any:
    """Return the three signed members. In a form a reader's own variables may come before them."""
    if not _is_form(request):
        return pick(parse_json(request.body), "signature")
    form = read_form(request)
    return {name: form.last(name) for name in _FIELDS}


def _news(document: Any) -> News:
    event = pick(document, "event-data")
    told = text(event, "event") or ""
    meaning = _meaning(event, told)
    said = text(event, "delivery-status", "message") or text(event, "delivery-status", "description")
    said = said or text(event, "reject", "reason") or ""
    found = judged(meaning, said, text(event, "delivery-status", "enhanced-code"))
    return News(
        word=meaning.word,
        told=told,
        recipient=text(event, "recipient") or _addressee(event),
        kind=found.kind,
        reason=found.reason,
        status=found.status,
        diagnostic=said,
        event_id=_event_id(document),
        message_id=_bracketed(text(event, "message", "headers", "message-id")),
        at=moment(pick(event, "timestamp")),
        references=references(pick(event, "message", "headers", "message-id"), pick(event, "user-variables")),
    )


def _meaning(event: Any, told: str) -> Meaning:
    """A failure that Mailgun calls temporary is tried again; one for a suppressed address never left."""
    meaning = meaning_of(_WORDS, told)
    if told == "failed" and text(event, "severity") == "temporary":
        return Meaning("deferred")
    if told == "failed" and text(event, "severity") != "permanent":
        return Meaning("bounced")
    return meaning


def _event_id(document: Any) -> str | None:
    """The event's id is unique for a day only; with the second it is for good. The token changes when it comes again."""
    event_id = text(document, "event-data", "id")
    if event_id is None:
        return text(document, "signature", "token")
    return f"{event_id} {text(document, 'event-data', 'timestamp')}"


def _addressee(event: Any) -> str | None:
    """Return the To of a message that was rejected: such an event names no recipient."""
    return parseaddr(text(event, "message", "headers", "to") or "")[1] or None


def _bracketed(message_id: str | None) -> str | None:
    return f"<{message_id}>" if message_id and not message_id.startswith("<") else message_id


def _old_news(form: Form) -> News:
    """Read a form. A reader's variables come as fields too, after Mailgun's own but for the three that are signed."""
    event, recipient, *rest = (clean(form.first(name) or "") for name in _OLD_FIELDS)
    description, error, notification, code, reason = rest
    meaning = meaning_of(_OLD_WORDS, event)
    said = error or notification or description or reason
    found = judged(meaning, said, code if code.count(".") == 2 else None)
    message_id = form.first("Message-Id") or form.first("message-id")
    return News(
        word=meaning.word,
        told=event,
        recipient=recipient or None,
        kind=found.kind,
        reason=found.reason,
        status=found.status,
        diagnostic=said,
        event_id=form.last("token"),
        message_id=_bracketed(message_id),
        at=moment(form.last("timestamp")),
        references=references(message_id, form.last("message-headers")),
    )
