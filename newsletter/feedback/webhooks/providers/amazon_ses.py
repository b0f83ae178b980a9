"""Amazon SES through SNS: an event in a message in an envelope, signed by Amazon's certificate (W4).

Both of its forms are read: notifications of an identity (`notificationType`) and events of a configuration set (`eventType`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from newsletter.errors import InvalidInput
from newsletter.feedback.webhooks import sns
from newsletter.feedback.webhooks.news import UNKNOWN, Meaning, News, judged
from newsletter.feedback.webhooks.provider import Confirmation, Provider
from newsletter.feedback.webhooks.reading import (
    an_object,
    first_text,
    items,
    moment,
    parse_json,
    pick,
    references,
    text,
)
from newsletter.feedback.webhooks.request import Refused, WebhookRequest
from newsletter.feedback.webhooks.secrets import Secrets

_GREETING: Final = "Successfully validated SNS topic"
_KINDS: Final = {
    "Permanent": Meaning("bounced", "hard"),
    "Transient": Meaning("bounced", "soft"),
    "Undetermined": Meaning("bounced", "soft"),
}
_REASONS: Final = {
    "NoEmail": "dead",
    "Suppressed": "dead",
    "OnAccountSuppressionList": "dead",
    "MailboxFull": "full",
    "MessageTooLarge": "size",
    "ContentRejected": "policy",
    "AttachmentRejected": "policy",
    "CustomTimeoutExceeded": "network",
}
#: Reports that say the opposite, or something about us alone (RFC 5965 §7.3).
_NO_COMPLAINTS: Final = ("not-spam", "auth-failure")
_PLAIN: Final = {
    "Send": Meaning("sent"),
    "Delivery": Meaning("delivered"),
    "Reject": Meaning("rejected", None, "policy"),
    "Rendering Failure": Meaning("failed"),
    "Open": Meaning("opened"),
    "Click": Meaning("clicked"),
    "DeliveryDelay": Meaning("deferred"),
}


@dataclass(frozen=True, slots=True)
class _Said:
    """What the event says of one recipient."""

    recipient: str | None
    diagnostic: str = ""
    status: str | None = None


class AmazonSes(Provider):
    """Amazon SES. Its account needs the ARNs of the topics that are ours; SNS itself has no secret."""

    name = "amazon_ses"
    label = "Amazon SES"
    setup = "SNS, Subscriptions: HTTPS to the address, without raw delivery; in SES send events with original headers to the topic."

    def is_ready(self, secrets: Secrets) -> bool:
        """SNS is verified by its signature, always; a password may come on top."""
        return bool(secrets.topics) and secrets.certificates is not None

    def check_signature(self, request: WebhookRequest, secrets: Secrets, now: datetime | None) -> None:
        """Verify header, topic, signature and age."""
        if secrets.certificates is None:
            return
        message, read_at = an_object(parse_json(request.body)), now or datetime.now().astimezone()
        sns.check_message(message, request, secrets.topics)
        sns.check_signature(message, secrets.certificates, read_at)
        if now is not None:
            sns.check_fresh(message, now)

    def check_topic(self, topic: str) -> None:
        """Read an ARN."""
        if sns.region_of(topic) is None:
            raise InvalidInput("A topic is an ARN such as arn:aws:sns:eu-central-1:123456789012:bounces.")

    def documents(self, request: WebhookRequest) -> list[Any]:
        """Return the event inside the envelope, which may be missing where delivery is raw."""
        message = an_object(parse_json(request.body))
        if "Type" not in message and ("notificationType" in message or "eventType" in message):
            return self.split(message)
        sns.check_header(message, request)
        if message["Type"] != "Notification":
            return []
        inner = message.get("Message")
        if not isinstance(inner, str):
            raise Refused("The SNS message holds no text.")
        return [] if inner.startswith(_GREETING) else self.split(parse_json(inner))

    def split(self, document: Any) -> list[Any]:
        """Return the one event.

        :raises Refused: for mail that came in.
        """
        event = an_object(document)
        if _type(event) == "Received":
            raise Refused("This tells of mail that came in: publish only events of sending to this topic.")
        return [event]

    def confirmation(self, request: WebhookRequest) -> Confirmation | None:
        """Return what a person must confirm before SNS sends events."""
        message = parse_json(request.body)
        topic, token = text(message, "TopicArn"), text(message, "Token")
        if text(message, "Type") != "SubscriptionConfirmation" or not topic or not token:
            return None
        return Confirmation(topic, sns.confirmation_link(topic, token) or "")

    def read(self, document: Any, request: WebhookRequest) -> Iterator[News]:
        """Yield one event for each recipient."""
        event_type = _type(document)
        part = pick(document, _part_name(event_type))
        meaning = _meaning(event_type, part)
        mail = pick(document, "mail")
        headers = [pick(each, "value") for each in items(mail, "headers")]
        for said in _recipients(event_type, part, mail):
            found = judged(meaning, said.diagnostic, said.status)
            yield News(
                word=meaning.word,
                told=" ".join(
                    filter(None, (event_type, text(part, "bounceType"), text(part, "bounceSubType")))
                ),
                recipient=said.recipient,
                kind=found.kind,
                reason=found.reason,
                status=found.status,
                diagnostic=said.diagnostic,
                event_id=_event_id(part, request),
                message_id=text(mail, "messageId"),
                at=moment(text(part, "timestamp") or text(mail, "timestamp")),
                references=references(
                    headers,
                    pick(mail, "commonHeaders", "messageId"),
                    pick(mail, "source"),
                    pick(mail, "tags"),
                ),
                identity=f"{text(mail, 'messageId')} {text(part, 'timestamp')} {text(part, 'link')}",
            )


def _type(event: Any) -> str:
    return first_text(event, "eventType", "notificationType") or ""


def _part_name(event_type: str) -> str:
    return {"Rendering Failure": "failure", "DeliveryDelay": "deliveryDelay"}.get(
        event_type, event_type.lower()
    )


def _meaning(event_type: str, part: Any) -> Meaning:
    if event_type == "Bounce":
        kind = _KINDS.get(text(part, "bounceType") or "", Meaning("bounced"))
        return Meaning("bounced", kind.kind, _REASONS.get(text(part, "bounceSubType") or "", "unknown"))
    if event_type == "Complaint":
        is_one = text(part, "complaintFeedbackType") not in _NO_COMPLAINTS
        return Meaning("complained") if is_one else UNKNOWN
    if event_type == "Subscription" and pick(part, "newTopicPreferences", "unsubscribeAll") is True:
        return Meaning("unsubscribed")
    return _PLAIN.get(event_type, UNKNOWN)


def _recipients(event_type: str, part: Any, mail: Any) -> list[_Said]:
    """Return whom an event is about; where it does not say, everybody that the message went to."""
    if event_type in ("Bounce", "DeliveryDelay"):
        named = items(part, "bouncedRecipients" if event_type == "Bounce" else "delayedRecipients")
        return [_said(each) for each in named]
    if event_type == "Complaint":
        return [_said(each) for each in items(part, "complainedRecipients")]
    why = first_text(part, "smtpResponse", "reason", "errorMessage") or ""
    named = items(part, "recipients") if event_type == "Delivery" else items(mail, "destination")
    return [_Said(text(each), why) for each in named]


def _said(recipient: Any) -> _Said:
    return _Said(
        text(recipient, "emailAddress"), text(recipient, "diagnosticCode") or "", text(recipient, "status")
    )


def _event_id(part: Any, request: WebhookRequest) -> str | None:
    """The feedback's own id stays when SNS sends it again; for the rest SNS's message id does."""
    return text(part, "feedbackId") or request.header("x-amz-sns-message-id") or None
