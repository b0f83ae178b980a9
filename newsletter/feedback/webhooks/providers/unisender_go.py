"""Unisender Go: events grouped by user, or one bare. Its member `auth` is a hash over the body with the API key in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from newsletter.feedback.webhooks.news import Meaning, News, meaning_of, told_news
from newsletter.feedback.webhooks.provider import Provider
from newsletter.feedback.webhooks.reading import an_object, items, moment, pick, references, text
from newsletter.feedback.webhooks.request import WebhookRequest
from newsletter.feedback.webhooks.secrets import Secrets
from newsletter.feedback.webhooks.signatures import check_md5

_AUTH: Final = re.compile(rb'"auth"\s{0,9}:\s{0,9}"([0-9a-f]{32})"')
_STATUS_EVENT: Final = "transactional_email_status"
_WORDS: Final = {
    "sent": Meaning("sent"),
    "delivered": Meaning("delivered"),
    "opened": Meaning("opened"),
    "clicked": Meaning("clicked"),
    "unsubscribed": Meaning("unsubscribed"),
    "subscribed": Meaning("subscribed"),
    "spam": Meaning("complained"),
    "soft_bounced": Meaning("bounced", "soft"),
    "hard_bounced": Meaning("bounced", "hard"),
}
_REASONS: Final = {
    "err_user_unknown": "dead",
    "err_user_inactive": "dead",
    "err_mailbox_discarded": "dead",
    "err_domain_inactive": "dead",
    "err_mailbox_full": "full",
    "err_too_large": "size",
    "err_spam_rejected": "policy",
    "err_spam_skipped": "policy",
    "err_blacklisted": "blocked",
    "err_unsubscribed": "blocked",
    "err_will_retry": "delayed",
    "err_unreachable": "network",
    "err_destination_misconfigured": "network",
}


class UnisenderGo(Provider):
    """Unisender Go's webhooks. It tries an address by GET before it uses it."""

    name = "unisender_go"
    label = "Unisender Go"
    signing = "API key"
    setup = "Settings, Webhooks: paste the address, select every status, and enter the API key of the user or project here."
    ping_methods = frozenset({"GET", "HEAD"})
    carrier = 'X-UNIONE: {"metadata": {"newsletter_token": "{token}"}}'

    def check_signature(self, request: WebhookRequest, secrets: Secrets, now: datetime | None) -> None:
        """Put the API key where the hash stands and hash the raw body again; there is no timestamp in it."""
        found = _AUTH.findall(request.body)
        # It stands first or last; what a sender named so in between is not it.
        hashes = {*found[:1], *found[-1:]}
        check_md5(
            [(each, request.body.replace(each, key.encode())) for each in hashes for key in secrets.signing]
        )

    def split(self, document: Any) -> list[Any]:
        """Return the events of every user; what tells of a blocked domain is about no message."""
        whole = an_object(document)
        if "events_by_user" not in whole:
            return [whole] if text(whole, "event_name") in (None, _STATUS_EVENT) else []
        events = [event for user in items(whole, "events_by_user") for event in items(user, "events")]
        return [pick(each, "event_data") for each in events if text(each, "event_name") == _STATUS_EVENT]

    def read(self, document: Any, request: WebhookRequest) -> Iterator[News]:
        """Yield one event."""
        told = text(document, "status") or ""
        info = pick(document, "delivery_info")
        why = text(info, "delivery_status") or ""
        known = meaning_of(_WORDS, told)
        meaning = Meaning(known.word, known.kind, _REASONS.get(why, "unknown"))
        said = " ".join(filter(None, (text(info, "destination_response"), why, text(document, "comment"))))
        job = text(document, "job_id")
        yield told_news(
            meaning,
            said,
            told=told,
            recipient=text(document, "email"),
            message_id=text(document, "metadata", "anymail_id") or job,
            at=moment(pick(document, "event_time")),
            references=references(pick(document, "metadata")),
            identity=f"{job} {text(document, 'event_time')} {text(document, 'url')}",
        )
