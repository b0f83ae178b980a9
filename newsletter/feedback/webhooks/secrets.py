"""What an account's requests are verified by. Two of each kind may be valid at a time, for rotation (W3)."""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass, field

from newsletter.feedback.webhooks.request import Refused, WebhookRequest
from newsletter.feedback.webhooks.sns import Certificates


@dataclass(frozen=True, slots=True)
class Secrets:
    """`basic`: pairs `user:password` (RFC 7617). `signing`: the provider's keys. `topics`: SNS topics that are ours.

    Nothing of it is ever shown: not in logs, errors or what `repr` says.
    """

    basic: tuple[str, ...] = field(default=(), repr=False)
    signing: tuple[str, ...] = field(default=(), repr=False)
    topics: tuple[str, ...] = ()
    #: The address a provider signs, when a proxy shows us another (Mandrill).
    url: str = ""
    #: Where the keys of SNS come from; without it its signature cannot be checked.
    certificates: Certificates | None = field(default=None, repr=False)

    @property
    def is_empty(self) -> bool:
        """True when there is nothing to verify by."""
        return not (self.basic or self.signing or self.certificates)


def check_basic(request: WebhookRequest, pairs: tuple[str, ...]) -> None:
    """Compare HTTP basic auth with every pair that is valid, in constant time.

    :raises Refused: with 401, upon which SNS and others send their credentials.
    """
    given = credentials(request.header("authorization"))
    valid = [hmac.compare_digest(given, pair.encode()) for pair in pairs]
    if not any(valid):
        raise Refused("User and password are missing or wrong.", 401)


def credentials(header: str) -> bytes:
    """Return `user:password` of an Authorization header; empty for anything else."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return b""
    try:
        return base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return b""
