"""The closed sets of words of this stage."""

from __future__ import annotations

from enum import StrEnum


class OptIn(StrEnum):
    """How people join a list: at once, or after confirming by mail."""

    SINGLE = "single"
    DOUBLE = "double"


class Visibility(StrEnum):
    """Whether a list has a public form."""

    PUBLIC = "public"
    PRIVATE = "private"


class SubscriptionState(StrEnum):
    """Only confirmed subscriptions are mailed."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    UNSUBSCRIBED = "unsubscribed"
