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
#: Old mail servers cut long lines with an exclamation mark.
_CUT: Final = re.compile(r"!?\n ?")


def read_notification(mail: Part) -> dict[str, Any] | None:
    """Return the notification that a mail carries; None when it carries none."""
    text = mail.text.lstrip()
    if not text.startswith("{") or '"notificationType"' not in text[:2000]:
        return None
    try:
        found = _DECODER.raw_decode(_CUT.sub("", text))[0]
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def notified_failures(notification: dict[str, Any]) -> list[Failure]:
    """Return the recipients of a bounce notification."""
    return [
        Failure(address, status=_text(each, "status"), diagnostic=_text(each, "diagnosticCode"))
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
