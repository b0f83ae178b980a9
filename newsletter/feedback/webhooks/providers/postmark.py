"""Postmark: one record a request, not signed; its `Type` says more than its `RecordType`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from newsletter.feedback.webhooks.news import UNKNOWN, Meaning, News, judged, meaning_of
from newsletter.feedback.webhooks.provider import Provider
from newsletter.feedback.webhooks.reading import an_object, first_text, moment, pick, references, text
from newsletter.feedback.webhooks.request import Refused, WebhookRequest

_RECORDS: Final = {
    "Bounce": Meaning("bounced"),
    "Click": Meaning("clicked"),
    "Delivery": Meaning("delivered"),
    "Open": Meaning("opened"),
    "SpamComplaint": Meaning("complained"),
    "SubscriptionChange": Meaning("unsubscribed"),
}
_TYPES: Final = {
    "HardBounce": Meaning("bounced", "hard"),
    "SoftBounce": Meaning("bounced", "soft"),
    "Transient": Meaning("deferred"),
    "DnsError": Meaning("deferred", None, "network"),
    "OpenRelayTest": Meaning("deferred"),
    "Unsubscribe": Meaning("unsubscribed"),
    "ManualSuppression": Meaning("unsubscribed"),
    "Subscribe": Meaning("subscribed"),
    "AutoResponder": Meaning("autoresponded"),
    "AddressChange": Meaning("autoresponded"),
    "ChallengeVerification": Meaning("autoresponded"),
    "SpamNotification": Meaning("complained"),
    "SpamComplaint": Meaning("complained"),
    "VirusNotification": Meaning("bounced", "soft", "policy"),
    "BadEmailAddress": Meaning("rejected", "hard", "dead"),
    "ManuallyDeactivated": Meaning("rejected", None, "blocked"),
    "Unconfirmed": Meaning("rejected"),
    "Blocked": Meaning("rejected", "soft", "blocked"),
    "DMARCPolicy": Meaning("rejected", "soft", "policy"),
    "SMTPApiError": Meaning("failed"),
    "TemplateRenderingFailed": Meaning("failed"),
    "Unknown": UNKNOWN,
}
#: A change of subscription tells of a bounce that has been told before, without what the server said.
_SUPPRESSIONS: Final = {**_TYPES, "HardBounce": Meaning("bounced")}
_TIMES: Final = ("DeliveredAt", "BouncedAt", "ReceivedAt", "ChangedAt")


class Postmark(Provider):
    """Postmark's modular webhooks."""

    name = "postmark"
    label = "Postmark"
    setup = "Server, message stream, Webhooks: paste the address; put user and password into its basic auth."
    carrier = "X-PM-Metadata-newsletter: {token}"

    def split(self, document: Any) -> list[Any]:
        """Return the one record.

        :raises Refused: for mail that came in: that is another webhook.
        """
        record = an_object(document)
        if text(record, "RecordType") == "Inbound" or "FromFull" in record:
            raise Refused("This is Postmark's inbound webhook: set the address for the outbound stream.")
        return [record]

    def read(self, document: Any, request: WebhookRequest) -> Iterator[News]:
        """Yield the record."""
        record_type = text(document, "RecordType")
        meaning = _meaning(document, record_type)
        said = first_text(document, "Details", "Description") or ""
        found = judged(meaning, said if meaning.word != "delivered" else "")
        event_id = text(document, "ID")
        yield News(
            word=meaning.word,
            told=" ".join(filter(None, (record_type, first_text(document, "Type", "SuppressionReason")))),
            recipient=first_text(document, "Email", "Recipient"),
            kind=found.kind,
            reason=found.reason,
            status=found.status,
            diagnostic=said,
            event_id=event_id if event_id not in (None, "0") else None,
            message_id=text(document, "MessageID"),
            at=moment(first_text(document, *_TIMES)),
            references=references(pick(document, "Metadata"), pick(document, "MessageID")),
            identity=json.dumps(document, sort_keys=True),
        )


def _meaning(document: Any, record_type: str | None) -> Meaning:
    meaning = meaning_of(_RECORDS, record_type)
    if meaning.word in ("bounced", "complained"):
        return _TYPES.get(text(document, "Type") or "", meaning)
    if record_type != "SubscriptionChange":
        return meaning
    if pick(document, "SuppressSending") is False:
        return Meaning("subscribed")
    return _SUPPRESSIONS.get(text(document, "SuppressionReason") or "", meaning)
