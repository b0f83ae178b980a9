"""The signature schemes of providers, each over bytes as they came. Every comparison takes constant time."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import math
from datetime import datetime
from functools import lru_cache
from typing import Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from newsletter.errors import InvalidInput
from newsletter.feedback.webhooks.request import Refused

Hash = Literal["sha1", "sha256"]
_HASHES = {"sha1": SHA1, "sha256": SHA256}
PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey


def forged() -> Refused:
    """Return the refusal of a request whose signature does not fit; it does not say why."""
    return Refused("The signature is missing or wrong.", 401)


def check_hmac(
    given: str, keys: tuple[str, ...], data: bytes, algorithm: Hash, *, as_base64: bool = False
) -> None:
    """Compare an HMAC (RFC 2104) in hexadecimal or base64 with that of each valid key.

    :raises Refused: when it fits none.
    """
    digests = [hmac.digest(key.encode(), data, algorithm) for key in keys]
    written = [base64.b64encode(each).decode() if as_base64 else each.hex() for each in digests]
    check_text(given if as_base64 else given.lower(), written)


def check_text(given: str, expected: list[str]) -> None:
    """Compare a text with each that would be right.

    :raises Refused: when it is none of them.
    """
    matches = [hmac.compare_digest(given.encode("utf-8", "replace"), each.encode()) for each in expected]
    if not any(matches):
        raise forged()


def check_md5(candidates: list[tuple[bytes, bytes]]) -> None:
    """Compare the hash that one provider calls a signature with that of its body, for each place it may stand in.

    :raises Refused: when it fits none.
    """
    matches = [
        hmac.compare_digest(given, hashlib.md5(body, usedforsecurity=False).hexdigest().encode())
        for given, body in candidates
    ]
    if not any(matches):
        raise forged()


def check_ecdsa(signature: str, keys: tuple[str, ...], data: bytes) -> None:
    """Verify ECDSA on P-256 with SHA-256, the signature in base64 of DER.

    :raises Refused: when no key fits.
    """
    if not any(_ecdsa_fits(public_key(key), _bytes(signature), data) for key in keys):
        raise forged()


def _ecdsa_fits(key: PublicKey, signature: bytes, data: bytes) -> bool:
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return False
    try:
        key.verify(signature, data, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def check_rsa(signature: str, keys: tuple[PublicKey, ...], data: bytes, algorithm: Hash) -> None:
    """Verify RSASSA-PKCS1-v1_5 (RFC 8017 §8.2), the signature in base64.

    :raises Refused: when no key fits.
    """
    if not any(_rsa_fits(key, _bytes(signature), data, algorithm) for key in keys):
        raise forged()


def _rsa_fits(key: PublicKey, signature: bytes, data: bytes, algorithm: Hash) -> bool:
    if not isinstance(key, rsa.RSAPublicKey):
        return False
    try:
        key.verify(signature, data, padding.PKCS1v15(), _HASHES[algorithm]())
    except InvalidSignature:
        return False
    return True


def _bytes(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise forged() from None


@lru_cache(maxsize=256)
def public_key(written: str) -> PublicKey:
    """Return a public key given in base64 of its DER form, with or without the lines of PEM around it (RFC 7468).

    :raises InvalidInput: when it is none.
    """
    lines = [
        line.strip() for line in written.replace("\\n", "\n").splitlines() if not line.startswith("-----")
    ]
    try:
        key = load_der_public_key(base64.b64decode("".join(lines), validate=True))
    except (binascii.Error, ValueError):
        key = None
    if not isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
        raise InvalidInput("This is no public key: copy the whole key as the provider shows it.")
    return key


def check_age(timestamp: str, now: datetime | None, seconds: int) -> None:
    """Refuse a signature that is older or newer than its window; without a clock every age will do.

    :raises Refused: also when the timestamp is none.
    """
    if now is None:
        return
    try:
        age = abs(now.timestamp() - float(timestamp))
    except (ValueError, OverflowError):
        raise forged() from None
    if not math.isfinite(age) or age > seconds:
        raise Refused("The request is too old, or the clocks differ.", 401)
