"""SparkPost (Bird): an array of events wrapped in `msys` and a class; not signed. An empty wrapping is a ping."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from newsletter.feedback.webhooks.news import Meaning, News, meaning_of, told_news
from newsletter.feedback.webhooks.provider import Provider
from newsletter.feedback.webhooks.reading import first_text, moment, objects, pick, references, text
from newsletter.feedback.webhooks.request import Refused, WebhookRequest

_WORDS: Final = {
    "injection": Meaning("queued"),
    "delivery": Meaning("delivered"),
    "delay": Meaning("deferred"),
    "bounce": Meaning("bounced"),
    "out_of_band": Meaning("bounced"),
    "policy_rejection": Meaning("rejected", "soft", "policy"),
    "generation_rejection": Meaning("rejected"),
    "generation_failure": Meaning("failed"),
    "spam_complaint": Meaning("complained"),
    "open": Meaning("opened"),
    "initial_open": Meaning("opened"),
    "amp_open": Meaning("opened"),
    "amp_initial_open": Meaning("opened"),
    "click": Meaning("clicked"),
    "amp_click": Meaning("clicked"),
    "list_unsubscribe": Meaning("unsubscribed"),
    "link_unsubscribe": Meaning("unsubscribed"),
}
#: The classes of bounces; those not named here say nothing.
_CLASSES: Final = {
    "10": Meaning("bounced", "hard", "dead"),
    "20": Meaning("bounced", "soft"),
    "21": Meaning("bounced", "soft", "network"),
    "22": Meaning("bounced", "soft", "full"),
    "23": Meaning("bounced", "soft", "size"),
    "24": Meaning("bounced", "soft", "network"),
    "25": Meaning("bounced", "soft", "policy"),
    "30": Meaning("bounced", "hard"),
    "40": Meaning("bounced", "soft"),
    "50": Meaning("bounced", "soft", "blocked"),
    "51": Meaning("bounced", "soft", "blocked"),
    "52": Meaning("bounced", "soft", "policy"),
    "53": Meaning("bounced", "soft", "policy"),
    "54": Meaning("bounced", "soft", "blocked"),
    "70": Meaning("bounced", "soft"),
}
#: Classes that are no bounce at all, whatever the event is called.
_NO_BOUNCES: Final = {
    "60": Meaning("autoresponded"),
    "80": Meaning("subscribed"),
    "90": Meaning("unsubscribed"),
    "100": Meaning("autoresponded"),
}


class SparkPost(Provider):
    """SparkPost's event webhooks."""

    name = "sparkpost"
    label = "SparkPost"
    setup = "Configuration, Webhooks: paste the address, choose basic auth, and select all message and engagement events."
    carrier = 'X-MSYS-API: {"metadata": {"newsletter_token": "{token}"}}'

    def split(self, document: Any) -> list[Any]:
        """Return the events without their wrapping.

        :raises Refused: when one is not wrapped, or in two classes.
        """
        return [event for each in objects(document) for event in _unwrapped(each)]

    def read(self, document: Any, request: WebhookRequest) -> Iterator[News]:
        """Yield one event."""
        told = text(document, "type") or ""
        meaning = _meaning(told, text(document, "bounce_class"))
        said = first_text(document, "raw_reason", "reason") or ""
        yield told_news(
            meaning,
            said,
            told=told,
            recipient=first_text(document, "raw_rcpt_to", "rcpt_to"),
            event_id=text(document, "event_id"),
            message_id=first_text(document, "transmission_id", "message_id"),
            at=moment(pick(document, "timestamp")),
            references=references(pick(document, "rcpt_meta")),
            identity=f"{text(document, 'message_id')} {text(document, 'timestamp')}",
        )


def _unwrapped(wrapped: dict[str, Any]) -> list[Any]:
    classes = pick(wrapped, "msys")
    if not isinstance(classes, dict) or len(classes) > 1:
        raise Refused("The events are not wrapped as SparkPost's are.")
    if "relay_message" in classes:
        raise Refused("This is SparkPost's inbound relay: set the address for the event webhook.")
    return list(classes.values())


def _meaning(told: str, bounce_class: str | None) -> Meaning:
    meaning = meaning_of(_WORDS, told)
    if bounce_class in _NO_BOUNCES:
        return _NO_BOUNCES[bounce_class]
    if meaning.word == "bounced":
        return _CLASSES.get(bounce_class or "", meaning)
    known = _CLASSES.get(bounce_class or "")
    if known is None or meaning.word == "unknown":
        return meaning
    return Meaning(meaning.word, meaning.kind, known.reason)
