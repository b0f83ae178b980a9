"""Signed tokens: one keyed hash per recipient, opaque in every link, header and return path.

A token is `number (8 bytes) + keyed BLAKE2b-128`, written in lower-case base32 so that it survives mail servers
that fold the case of a local part. Each purpose has its own key (HKDF-like derivation from the secret), so that a
return path seen by a mail server can never be replayed as an unsubscribe link. Tokens carry no personal data and,
for unsubscribing, never expire.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

_NUMBER_BYTES: Final = 8
_MAC_BYTES: Final = 16
TOKEN_LENGTH: Final = 39  # ceil(24 bytes * 8 / 5), padding dropped
KEY_LENGTH: Final = 26  # of a link: ceil(16 bytes * 8 / 5)
_NUMBER_LETTERS: Final = 13
_ALPHABET: Final = b"abcdefghijklmnopqrstuvwxyz234567"
_LETTERS: Final = bytes.maketrans(bytes(range(32)), _ALPHABET)
#: From our letters to those of `int(…, 32)`; anything else becomes what that refuses.
_DIGITS: Final = bytes(
    b"0123456789abcdefghijklmnopqrstuv"[_ALPHABET.index(byte)] if byte in _ALPHABET else 0x21
    for byte in range(256)
)


def _spreads() -> Iterator[tuple[int, int, int]]:
    """Yield the steps that pull groups of 5 bits apart to one a byte: blocks of 32 groups first, then of 16, 8, …

    Each step is `keep, move, shift`: of every pair of blocks the lower one stays and the upper one moves up.
    """
    for groups in (32, 16, 8, 4, 2, 1):
        block, stride = (1 << 5 * groups) - 1, 16 * groups
        keep = sum(block << start for start in range(0, 512, stride))
        yield keep, keep << 5 * groups, 3 * groups


_SPREADS: Final = tuple(_spreads())


def _base32(raw: bytes) -> str:
    """Return 24 bytes as 39 letters: as the library does, but in 1 µs instead of 3, by long integers alone."""
    bits = int.from_bytes(raw, "big") << 3  # 192 bits fill 39 letters but for three bits
    for keep, move, shift in _SPREADS:
        bits = bits & keep | (bits & move) << shift
    return bits.to_bytes(TOKEN_LENGTH, "big").translate(_LETTERS).decode("ascii")


class Purpose(StrEnum):
    """What a token is good for; each has its own key."""

    RECIPIENT = "recipient"  # links and List-Unsubscribe of a delivery
    RETURN_PATH = "return-path"  # VERP envelope sender
    CONFIRM = "confirm"  # double opt-in of a subscription
    PREFERENCES = "preferences"  # preference link sent on request
    MESSAGE_ID = "message-id"
    LINK = "link"


class TokenSigner:
    """Signs and verifies row numbers for one purpose. Cheap: under 2 µs per token."""

    def __init__(self, secret: bytes, purpose: Purpose) -> None:
        key = hashlib.blake2b(purpose.value.encode(), key=secret[:64], digest_size=32).digest()
        self._base = hashlib.blake2b(key=key, digest_size=_MAC_BYTES)

    def sign(self, number: int) -> str:
        """Return the token of row `number`."""
        packed = number.to_bytes(_NUMBER_BYTES, "big")
        mac = self._base.copy()
        mac.update(packed)
        return _base32(packed + mac.digest())

    def verify(self, token: str) -> int | None:
        """Return the row number, or None for anything we did not sign. Constant-time; never raises."""
        if len(token) != TOKEN_LENGTH or not token.isascii():
            return None
        written = token.lower().encode("ascii")
        try:
            number = int(written[:_NUMBER_LETTERS].translate(_DIGITS), 32) >> 1  # 13 letters hold 65 bits
        except ValueError:
            return None
        # Signing again compares the text itself, so that nothing need be known of the other letters.
        return number if hmac.compare_digest(self.sign(number).encode("ascii"), written) else None


class LinkKeys:
    """Ids of links: a keyed hash of the issue, the place and the target, which nobody else can guess or make (S7)."""

    def __init__(self, secret: bytes) -> None:
        self._key = hashlib.blake2b(Purpose.LINK.value.encode(), key=secret[:64], digest_size=32).digest()

    def key_of(self, issue_id: int, place: str, item_id: int | None, target: str) -> str:
        """Return the id of a link: 26 letters, 128 bits."""
        named = f"{issue_id}/{place}/{item_id or 0}/{target}".encode("utf-8", "surrogatepass")
        digest = hashlib.blake2b(named, key=self._key, digest_size=_MAC_BYTES).digest()
        return base64.b32encode(digest).decode().rstrip("=").lower()


class Keyring:
    """One signer per purpose, all derived from the installation's secret."""

    def __init__(self, secret: bytes) -> None:
        self.recipient = TokenSigner(secret, Purpose.RECIPIENT)
        self.return_path = TokenSigner(secret, Purpose.RETURN_PATH)
        self.confirm = TokenSigner(secret, Purpose.CONFIRM)
        self.preferences = TokenSigner(secret, Purpose.PREFERENCES)
        self.message_id = TokenSigner(secret, Purpose.MESSAGE_ID)
        self.links = LinkKeys(secret)
