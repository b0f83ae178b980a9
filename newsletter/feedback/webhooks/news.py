"""What a provider says about one message to one address, in our words."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Required, TypedDict, Unpack

from newsletter.feedback.classify.failures import Failure
from newsletter.feedback.classify.values import Reason
from newsletter.feedback.classify.verdict import judge
from newsletter.feedback.events import BounceKind

#: Reasons that are not the address's fault: whatever a provider calls it, the address is not dead.
_ALIVE: Final = frozenset({"full", "blocked", "policy", "size", "content", "auth"})


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one word of a provider means: a word of ours, and for failures hard or soft and why, where the word says it."""

    word: str
    kind: BounceKind | None = None
    reason: str = "unknown"


UNKNOWN: Final = Meaning("unknown")


@dataclass(frozen=True, slots=True)
class News:
    """One event. `references` are the texts in which our own token may stand: Message-ID, metadata, returned headers.

    `event_id` is unique within the provider's account; empty, `identity` tells one event from another.
    `message_id` is the provider's own name of the message, `told` its word for the event.
    """

    word: str
    told: str
    recipient: str | None = None
    kind: BounceKind | None = None
    reason: str = "unknown"
    status: str | None = None
    diagnostic: str = ""
    event_id: str | None = None
    message_id: str | None = None
    at: datetime | None = None
    references: tuple[str, ...] = ()
    identity: str = ""

    @property
    def digest(self) -> str:
        """What makes the event unique: a retry has the same digest, whatever request brings it."""
        parts = (self.event_id or self.identity, self.word, self.told, (self.recipient or "").lower())
        return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


@dataclass(frozen=True, slots=True)
class Judged:
    """The kind, reason and status that belong to a meaning once the server's own words are heard."""

    kind: BounceKind | None
    reason: str
    status: str | None


def judged(meaning: Meaning, diagnostic: str, status: str | None = None) -> Judged:
    """Return what a failure is: the provider's word counts, the server's text says why.

    A provider calls every refusal of class 5 permanent; `hard` here means that the address is dead.
    """
    if meaning.word not in ("bounced", "rejected", "failed", "deferred"):
        return Judged(None, "unknown", None)
    said = judge(Failure("", status=status or "", diagnostic=diagnostic))
    reason = meaning.reason
    if reason == "unknown" and said.reason is not Reason.DELAYED:
        reason = said.reason.value
    kind = "soft" if meaning.kind == "hard" and reason in _ALIVE else meaning.kind
    if kind == "hard" and reason == "unknown":
        reason = "dead"
    return Judged(kind, reason, said.status)


class Facts(TypedDict, total=False):
    """What an event says beside its word and the server's words: fields of `News`."""

    told: Required[str]
    recipient: str | None
    event_id: str | None
    message_id: str | None
    at: datetime | None
    references: tuple[str, ...]
    identity: str


def told_news(meaning: Meaning, said: str, status: str | None = None, **facts: Unpack[Facts]) -> News:
    """Return the event that a provider's word and the server's words make (see `judged`)."""
    found = judged(meaning, said, status)
    return News(
        meaning.word, kind=found.kind, reason=found.reason, status=found.status, diagnostic=said, **facts
    )


def meaning_of(table: Mapping[str, Meaning], told: str | None) -> Meaning:
    """Return what a word of the provider means; one that is not in its table is `unknown`, never an error."""
    return table.get(told or "", UNKNOWN)
