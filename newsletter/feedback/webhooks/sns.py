"""Messages of Amazon SNS: which are ours, what is signed, and by which certificate (W4).

An address inside a message is never opened: neither SubscribeURL, nor a SigningCertURL that is not Amazon's.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final, Protocol
from urllib.parse import urlencode

from newsletter.feedback.webhooks.reading import moment, text
from newsletter.feedback.webhooks.request import Refused, WebhookRequest
from newsletter.feedback.webhooks.signatures import Hash, PublicKey, check_rsa, forged

TYPES: Final = ("Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation")
#: SNS tries for an hour at most.
WINDOW_SECONDS: Final = 3600
_CERTIFICATE: Final = re.compile(
    r"https://(sns\.[a-z0-9-]{3,63}\.amazonaws\.com(?:\.cn)?)/[A-Za-z0-9_/-]{1,200}\.pem", re.ASCII
)
_TOPIC: Final = re.compile(
    r"arn:(aws|aws-cn|aws-us-gov):sns:([a-z]{2}(?:-[a-z]+)+-\d):(\d{12}):([A-Za-z0-9_-]{1,256}(?:\.fifo)?)",
    re.ASCII,
)
_SIGNED: Final = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": (
        "Message",
        "MessageId",
        "SubscribeURL",
        "Timestamp",
        "Token",
        "TopicArn",
        "Type",
    ),
}
_SIGNED_BY: Final[dict[str | None, Hash]] = {"1": "sha1", "2": "sha256"}


class Certificates(Protocol):
    """Finds the public key of a certificate of SNS, at an address that `certificate_host` allows."""

    def public_key(self, url: str, now: datetime) -> PublicKey:
        """Return the key of a certificate that is Amazon's and valid now.

        :raises Refused: when it is not, or cannot be had.
        """
        ...


def certificate_host(url: str) -> str | None:
    """Return the host of a certificate's address; None unless it is one of SNS itself: no user, port, query or dots."""
    match = _CERTIFICATE.fullmatch(url)
    return None if match is None or "//" in url[8:] else match[1]


def region_of(topic: str) -> tuple[str, str] | None:
    """Return region and domain of a topic's ARN; None when it is none."""
    match = _TOPIC.fullmatch(topic)
    if match is None:
        return None
    return match[2], "amazonaws.com.cn" if match[1] == "aws-cn" else "amazonaws.com"


def check_message(message: dict[str, Any], request: WebhookRequest, topics: tuple[str, ...]) -> None:
    """Refuse a message whose header and body disagree, or whose topic is not on the list.

    :raises Refused: with 403 for another topic.
    """
    check_header(message, request)
    if text(message, "TopicArn") not in topics:
        raise Refused("This topic of SNS is not on the list of this account.", 403)


def check_header(message: dict[str, Any], request: WebhookRequest) -> None:
    """Refuse a message whose header says something else than its body.

    :raises Refused: always then.
    """
    kind = request.header("x-amz-sns-message-type")
    if kind not in TYPES or kind != text(message, "Type"):
        raise Refused("The type of the SNS message is missing, or another than its header says.")
    if request.header("x-amz-sns-message-id") != (text(message, "MessageId") or ""):
        raise Refused("The id of the SNS message is another than its header says.")


def check_signature(message: dict[str, Any], certificates: Certificates, now: datetime) -> None:
    """Verify the signature by Amazon's certificate.

    :raises Refused: when it does not fit.
    """
    algorithm = _SIGNED_BY.get(text(message, "SignatureVersion"))
    url = message.get("SigningCertURL") or message.get("SigningCertUrl")
    if algorithm is None or not isinstance(url, str) or certificate_host(url) is None:
        raise forged()
    signature = message.get("Signature")
    key = certificates.public_key(url, now)
    check_rsa(signature if isinstance(signature, str) else "", (key,), canonical(message), algorithm)


def check_fresh(message: dict[str, Any], now: datetime) -> None:
    """Refuse a message that is older than SNS tries.

    :raises Refused: also without a timestamp.
    """
    written = moment(message.get("Timestamp"))
    if written is None or abs((now - written).total_seconds()) > WINDOW_SECONDS:
        raise Refused("The SNS message is too old, or the clocks differ.", 401)


def canonical(message: dict[str, Any]) -> bytes:
    """Return what is signed: each name and value on a line of its own; a Subject only when there is one.

    :raises Refused: when a member that must be signed is missing or no text.
    """
    kind = message.get("Type")
    names = _SIGNED["Notification" if kind == "Notification" else "SubscriptionConfirmation"]
    lines = []
    for name in names:
        value = message.get(name)
        if name == "Subject" and value is None:
            continue
        if not isinstance(value, str):
            raise forged()
        lines.append(f"{name}\n{value}\n")
    return "".join(lines).encode("utf-8", "surrogatepass")


def confirmation_link(topic: str, token: str) -> str | None:
    """Return the address by which a person confirms a subscription: made from topic and token, never taken from a message."""
    place = region_of(topic)
    if place is None or not token.isascii() or not token.isalnum():
        return None
    region, domain = place
    query = urlencode({"Action": "ConfirmSubscription", "TopicArn": topic, "Token": token})
    return f"https://sns.{region}.{domain}/?{query}"
