"""The closed set of reasons, and what each says about whom."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """Why a message was not delivered."""

    DEAD = "dead"
    """There is nobody at this address, or no such domain."""
    FULL = "full"
    """The mailbox takes nothing at present."""
    BLOCKED = "blocked"
    """Our address, network, name or rate is refused."""
    POLICY = "policy"
    """A rule of the recipient's server or group, or of a relay."""
    SIZE = "size"
    """The message is too large."""
    NETWORK = "network"
    """The server could not be reached, or is in trouble."""
    DELAYED = "delayed"
    """The server keeps trying."""
    CONTENT = "content"
    """What the message holds is refused: spam, virus, attachment."""
    AUTH = "auth"
    """SPF, DKIM or DMARC did not hold, or the sender must authenticate."""
    UNKNOWN = "unknown"
    """Nothing that is understood was said."""


#: A refusal of the sender, whoever the recipient is: many of them mean that something is wrong with us.
ABOUT_US: Final = frozenset({Reason.BLOCKED, Reason.POLICY, Reason.CONTENT, Reason.AUTH})
#: What says something about us, about one message or about a passing state never counts against the person (M21).
NOT_THEIR_FAULT: Final = ABOUT_US | {Reason.SIZE, Reason.DELAYED}
