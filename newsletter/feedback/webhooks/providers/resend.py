"""Resend: one event a request, signed as Svix does: HMAC-SHA256 over id, timestamp and raw body."""

from __future__ import annotations

import base64
import binascii
import hmac
import math
from collections.abc import Iterator
from datetime import datetime
from email.utils import parseaddr
from typing import Any, Final

from newsletter.errors import InvalidInput
from newsletter.feedback.webhooks.news import Meaning, News, meaning_of, told_news
from newsletter.feedback.webhooks.provider import Provider
from newsletter.feedback.webhooks.reading import an_object, items, moment, pick, references, text
from newsletter.feedback.webhooks.request import Refused, WebhookRequest
from newsletter.feedback.webhooks.secrets import Secrets
from newsletter.feedback.webhooks.signatures import check_age, forged

WINDOW_SECONDS: Final = 300
_PREFIX: Final = "whsec_"
_WORDS: Final = {
    "email.sent": Meaning("sent"),
    "email.scheduled": Meaning("queued"),
    "email.delivered": Meaning("delivered"),
    "email.delivery_delayed": Meaning("deferred"),
    "email.bounced": Meaning("bounced"),
    "email.failed": Meaning("failed"),
    "email.suppressed": Meaning("rejected", None, "blocked"),
    "email.complained": Meaning("complained"),
    "email.opened": Meaning("opened"),
    "email.clicked": Meaning("clicked"),
}
_KINDS: Final = {
    "Permanent": Meaning("bounced", "hard"),
    "Transient": Meaning("bounced", "soft"),
    "Undetermined": Meaning("bounced"),
}


class Resend(Provider):
    """Resend's webhooks."""

    name = "resend"
    label = "Resend"
    signing = "Signing secret"
    setup = (
        "Webhooks, Add: paste the address, select every email event, and copy the signing secret (whsec_…)."
    )
    carrier = "X-Newsletter-Token: {token}"

    def check_signature(self, request: WebhookRequest, secrets: Secrets, now: datetime | None) -> None:
        """Verify one of the signatures in the header; while Resend rotates its key there are two."""
        timestamp = request.header("svix-timestamp")
        signed = f"{request.header('svix-id')}.{_whole(timestamp)}.".encode() + request.body
        right = [hmac.digest(key_of(each), signed, "sha256") for each in secrets.signing]
        given = [_version_1(each) for each in request.header("svix-signature").split(" ")[:10]]
        if not any([hmac.compare_digest(one, other) for one in given for other in right]):  # noqa: C419
            raise forged()
        check_age(timestamp, now, WINDOW_SECONDS)

    def check_secret(self, secret: str) -> None:
        """Read the key."""
        if not key_of(secret):
            raise InvalidInput("This is no signing secret of Resend: it begins with whsec_.")

    def split(self, document: Any) -> list[Any]:
        """Return the one event.

        :raises Refused: for mail that came in.
        """
        if text(an_object(document), "type") == "email.received":
            raise Refused("This tells of mail that came in: select only events of mail that was sent.")
        return [document]

    def read(self, document: Any, request: WebhookRequest) -> Iterator[News]:
        """Yield the event. It does not say which of several recipients it means: each of our messages has one."""
        told = text(document, "type") or ""
        data = pick(document, "data")
        meaning = _meaning(told, data)
        said = text(data, "bounce", "message") or text(data, "failed", "reason") or ""
        headers = [pick(each, "value") for each in items(data, "headers")] or pick(data, "headers")
        yield told_news(
            meaning,
            said,
            told=told,
            recipient=parseaddr(text(data, "to", 0) or text(data, "to") or "")[1] or None,
            event_id=request.header("svix-id") or None,
            message_id=text(data, "email_id"),
            at=moment(pick(document, "created_at")),
            references=references(pick(data, "message_id"), headers, pick(data, "tags")),
            identity=f"{text(data, 'email_id')} {text(document, 'created_at')}",
        )


def key_of(secret: str) -> bytes:
    """Return the key inside `whsec_…`, empty when there is none; an empty key fits no signature."""
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _version_1(signature: str) -> bytes:
    version, _, encoded = signature.partition(",")
    try:
        return base64.b64decode(encoded, validate=True) if version == "v1" else b""
    except (binascii.Error, ValueError):
        return b""


def _whole(timestamp: str) -> str:
    """Return the whole seconds that are signed."""
    try:
        return str(math.floor(float(timestamp)))
    except (ValueError, OverflowError):
        raise forged() from None


def _meaning(told: str, data: Any) -> Meaning:
    meaning = meaning_of(_WORDS, told)
    if meaning.word != "bounced":
        return meaning
    said = (text(data, "bounce", "message") or "").lower()
    if "suppressed" in said or text(data, "bounce", "subType") == "Suppressed":
        return Meaning("bounced", None, "blocked")
    return _KINDS.get(text(data, "bounce", "type") or "", meaning)
