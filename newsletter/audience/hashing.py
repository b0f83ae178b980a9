"""The keyed hash that keeps an address suppressed after its owner was erased (C4)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from functools import cached_property
from typing import Final

PREFIX: Final = "h:"
_PURPOSE: Final = b"suppression after erasure"

#: The installation's secret, or how to get it: it is asked for only when an address must be hashed.
Secret = bytes | Callable[[], bytes]


class AddressHasher:
    """Turns address keys into `h:` + HMAC-SHA256 under a key of its own, derived from the secret."""

    def __init__(self, secret: Secret) -> None:
        self._secret = secret

    @cached_property
    def _key(self) -> bytes:
        secret = self._secret() if callable(self._secret) else self._secret
        return hmac.digest(secret, _PURPOSE, hashlib.sha256)

    def hashed(self, address_key: str) -> str:
        """Return what stands for `address_key` in the table of suppressions after erasure."""
        return PREFIX + hmac.digest(self._key, address_key.encode(), hashlib.sha256).hex()
