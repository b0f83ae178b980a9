"""What came back about one delivery, in our words: mail, provider webhooks and hands all end here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

BounceKind = Literal["hard", "soft"]

#: The closed set of `docs/architecture.md`.
WORDS: Final = (
    "queued", "sent", "deferred", "rejected", "failed", "bounced", "delivered", "autoresponded", "opened", "clicked",
    "complained", "unsubscribed", "subscribed", "unknown",
)  # fmt: skip
#: Words of a failure; they carry a kind.
FAILURES: Final = ("bounced", "rejected", "failed")


@dataclass(frozen=True, slots=True)
class Event:
    """One piece of news about one delivery.

    `reason` is a word of `classify.Reason`, `status` an enhanced status (RFC 3463), `source` where it came from: mail,
    smtp, the name of a provider, a person. `key` makes it unique; empty, a delivery has one entry per word and kind, so
    that the same news from two sources counts once. `said_by` is the server that reported it, where it names itself.
    """

    word: str
    at: datetime
    source: str
    kind: BounceKind | None = None
    reason: str = "unknown"
    status: str | None = None
    diagnostic: str = ""
    key: str = ""
    said_by: str = ""
    returned_mail_id: int | None = None
