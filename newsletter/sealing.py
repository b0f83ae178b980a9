"""Secrets at rest: relay passwords and DKIM keys are sealed with AES-GCM before the database sees them (S18).

The key is derived from the installation's secret (HKDF-SHA256, RFC 5869); it is nowhere in the database or its backups.
What a sealed value belongs to is authenticated with it: a value moved to another row does not open.
"""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from newsletter.errors import ConfigurationError

_VERSION = b"\x01"
_NONCE_BYTES = 12


class Sealer:
    """Seals and opens values. `about` names the purpose and the row, such as `relay/post`."""

    def __init__(self, secret: bytes) -> None:
        derivation = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"newsletter sealing 1")
        self._cipher = AESGCM(derivation.derive(secret))

    def seal(self, value: bytes, about: str) -> bytes:
        """Return version, nonce and sealed value; never the same twice."""
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, value, about.encode())

    def open(self, sealed: bytes, about: str) -> bytes:
        """Return the value.

        :raises ConfigurationError: when it was sealed with another secret, for another row, or was changed.
        """
        nonce, rest = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            if sealed[:1] != _VERSION:
                raise InvalidTag
            return self._cipher.decrypt(nonce, rest, about.encode())
        except (InvalidTag, ValueError):
            raise ConfigurationError(
                f"{about} cannot be opened: it was sealed with another secret. Set NEWSLETTER_SECRET_KEY "
                "(embedded: the file secret in the data directory) to the former one, or set this anew."
            ) from None
