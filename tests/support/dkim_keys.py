"""Keys and a made-up DNS for signatures, verified by dkimpy: another hand than ours."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import dkim
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from newsletter.rendering.dkim import Signer
from newsletter.rendering.dkim_record import record_value

DOMAIN = "example.com"


@cache
def rsa_signer() -> Signer:
    """Return an RSA-2048 signer, the same in all tests."""
    return Signer(DOMAIN, "nl1r", rsa.generate_private_key(65537, 2048))


@cache
def ed25519_signer() -> Signer:
    """Return an Ed25519 signer, the same in all tests."""
    return Signer(DOMAIN, "nl1e", ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32))))


def dns(*signers: Signer) -> Callable[..., bytes]:
    """Return a resolver that knows these signers' records, as dkimpy asks for it."""
    records = {f"{each.selector}._domainkey.{each.domain}.".encode(): record_value(each) for each in signers}

    def answer(name: bytes, timeout: float = 5) -> bytes:
        return records.get(name, "").encode()

    return answer


def verdicts(message: bytes, *signers: Signer) -> list[bool]:
    """Return dkimpy's verdict of each signature in the message, top first."""
    count = message.partition(b"\r\n\r\n")[0].count(b"DKIM-Signature:")
    return [_verifies(message, index, dns(*signers)) for index in range(count)]


def _verifies(message: bytes, index: int, answer: Callable[..., bytes]) -> bool:
    try:
        return bool(dkim.DKIM(message, timeout=5).verify(index, dnsfunc=answer))
    except dkim.DKIMException:
        return False
