"""Amazon SES notifications that come by mail: a JSON object as the text of the mail."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from newsletter.feedback.classify.addresses import first_address
from newsletter.feedback.classify.failures import Failure
from newsletter.feedback.classify.mime import Part
from newsletter.feedback.classify.values import Classified, Kind

_MOST_RECIPIENTS: Final = 50
_DECODER: Final = json.JSONDecoder(strict=False)
#: What SES means by its types, in words, for recipients of whom it tells no server's words.
_BY_TYPE: Final = {
    ("Permanent", "General"): "address does not exist",
    ("Permanent", "NoEmail"): "address does not exist",
    ("Permanent", "Suppressed"): "address does not exist: suppressed by Amazon SES",
    ("Transient", "MailboxFull"): "mailbox full",
    ("Transient", "MessageTooLarge"): "message too large",
    ("Transient", "ContentRejected"): "message content rejected",
    ("Transient", "AttachmentRejected"): "attachment rejected",
}
#: Old mail servers cut long lines with an exclamation mark.
_CUT: Final = re.compile(r"!?\n ?")


def read_notification(mail: Part) -> dict[str, Any] | None:
    """Return the notification that a mail carries, also in SNS's envelope; None when it carries none."""
    text = next((part.text.lstrip() for part in mail.walk() if not part.children), "")
    if not text.startswith("{"):
        return None
    found = _parsed(_CUT.sub("", text))
    if found is not None and isinstance(message := found.get("Message"), str):
        found = _parsed(message)
    is_one = found is not None and any(name in found for name in ("notificationType", "eventType"))
    return found if is_one else None


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        found = _DECODER.raw_decode(text)[0]
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def notified_failures(notification: dict[str, Any]) -> list[Failure]:
    """Return the recipients of a bounce notification."""
    bounce = notification.get("bounce")
    default = (
        _BY_TYPE.get((_text(bounce, "bounceType"), _text(bounce, "bounceSubType")), "")
        if isinstance(bounce, dict)
        else ""
    )
    return [
        Failure(address, status=_text(each, "status"), diagnostic=_text(each, "diagnosticCode") or default)
        for each in _recipients(notification, "bounce", "bouncedRecipients")
        if (address := first_address(_text(each, "emailAddress")))
    ]


def notified_complaint(notification: dict[str, Any]) -> Classified | None:
    """Return the complaint that a notification tells of."""
    people = _recipients(notification, "complaint", "complainedRecipients")
    addresses = tuple(filter(None, (first_address(_text(each, "emailAddress")) for each in people)))
    return (
        Classified(Kind.COMPLAINT, addresses, diagnostic="complaint by notification") if addresses else None
    )


def _recipients(notification: dict[str, Any], event: str, field: str) -> list[dict[str, Any]]:
    body = notification.get(event)
    found = body.get(field) if isinstance(body, dict) else None
    return (
        [each for each in found if isinstance(each, dict)][:_MOST_RECIPIENTS]
        if isinstance(found, list)
        else []
    )


def _text(values: dict[str, Any], name: str) -> str:
    value = values.get(name, "")
    return value[:2000] if isinstance(value, str) else ""
