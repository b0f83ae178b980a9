"""Mandrill (Mailchimp Transactional): a form with a JSON array, signed by HMAC-SHA1 over address and fields."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from newsletter.feedback.webhooks.forms import Form, read_form
from newsletter.feedback.webhooks.news import UNKNOWN, Meaning, News, meaning_of, told_news
from newsletter.feedback.webhooks.provider import Provider
from newsletter.feedback.webhooks.reading import (
    first_text,
    moment,
    objects,
    parse_json,
    pick,
    references,
    text,
)
from newsletter.feedback.webhooks.request import Refused, WebhookRequest
from newsletter.feedback.webhooks.secrets import Secrets
from newsletter.feedback.webhooks.signatures import check_hmac

_FIELD: Final = "mandrill_events"
_WORDS: Final = {
    "send": Meaning("sent"),
    "delivered": Meaning("delivered"),
    "deferral": Meaning("deferred"),
    "hard_bounce": Meaning("bounced", "hard"),
    "soft_bounce": Meaning("bounced", "soft"),
    "reject": Meaning("rejected"),
    "spam": Meaning("complained"),
    "unsub": Meaning("unsubscribed"),
    "open": Meaning("opened"),
    "click": Meaning("clicked"),
}


class Mandrill(Provider):
    """Mandrill's webhooks. It tries an address by HEAD before it uses it."""

    name = "mandrill"
    label = "Mandrill"
    signing = "Webhook key"
    setup = "Settings, Webhooks: paste the address, tick every event, and copy the key that Mandrill makes for it."
    ping_methods = frozenset({"HEAD"})
    takes_forms = True
    carrier = 'X-MC-Metadata: {"newsletter_token": "{token}"}'

    def check_signature(self, request: WebhookRequest, secrets: Secrets, now: datetime | None) -> None:
        """Verify the HMAC over the address it was given and the fields by name; events carry no fresh timestamp."""
        signed = (secrets.url or request.url) + _sorted_fields(read_form(request))
        signature = request.header("x-mandrill-signature")
        check_hmac(signature, secrets.signing, signed.encode(), "sha1", as_base64=True)

    def documents(self, request: WebhookRequest) -> list[Any]:
        """Return the events in the form's one field."""
        events = read_form(request).last(_FIELD)
        if events is None:
            raise Refused(f"The form has no field {_FIELD}.")
        return self.split(parse_json(events))

    def split(self, document: Any) -> list[Any]:
        """Return the events of the array."""
        return list(objects(document))

    def read(self, document: Any, request: WebhookRequest) -> Iterator[News]:
        """Yield one event."""
        told = first_text(document, "event", "type") or ""
        meaning = meaning_of(_WORDS, told) if told != "inbound" else UNKNOWN
        said = text(document, "msg", "diag") or text(document, "msg", "bounce_description") or ""
        said = said or text(document, "reject", "detail") or text(document, "reject", "reason") or ""
        message_id = text(document, "_id") or text(document, "msg", "_id")
        yield told_news(
            meaning,
            said,
            told=told,
            recipient=text(document, "msg", "email") or text(document, "reject", "email"),
            message_id=message_id,
            at=moment(pick(document, "ts")),
            references=references(pick(document, "msg", "metadata")),
            identity=f"{message_id} {text(document, 'ts')} {text(document, 'url')}",
        )


def _sorted_fields(form: Form) -> str:
    last = dict(form.fields)
    return "".join(name + last[name] for name in sorted(last))
