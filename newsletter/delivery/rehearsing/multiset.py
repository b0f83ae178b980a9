"""A hash over many items that does not depend on their order, so that chunks can be hashed apart and added. Pure.

Items are hashed by SHA-512 and added modulo 2**512 (AdHash). It shows accidents; it is no proof against somebody who may
choose the items.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

_BYTES = 64
_MODULUS = 1 << (8 * _BYTES)


@dataclass
class MultisetHash:
    """The sum so far; the same items in any order and any chunks give the same."""

    total: int = 0

    @classmethod
    def from_state(cls, state: str) -> MultisetHash:
        """Return the sum that `state` wrote down."""
        return cls(int(state or "0", 16))

    @property
    def state(self) -> str:
        """The sum in 128 hexadecimal digits, to go on from."""
        return f"{self.total:0{2 * _BYTES}x}"

    @property
    def hex(self) -> str:
        """The hash in 64 hexadecimal digits."""
        return hashlib.sha256(self.total.to_bytes(_BYTES)).hexdigest()

    def add(self, item: bytes) -> None:
        """Count one item in."""
        self.total = (self.total + int.from_bytes(hashlib.sha512(item).digest())) % _MODULUS
