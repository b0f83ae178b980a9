"""Private keys: made here, sealed at once, opened only to sign."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from newsletter.delivery.dkim.models import DkimKey
from newsletter.errors import ConfigurationError, InvalidInput
from newsletter.rendering.dkim import PrivateKey, Signer
from newsletter.sealing import Sealer

ALGORITHMS = ("rsa", "ed25519")
_RSA_BITS = 2048


def new_key(sealer: Sealer, domain: str, selector: str, algorithm: str) -> DkimKey:
    """Return a row with a fresh key in it.

    :raises InvalidInput: for an unknown algorithm.
    """
    if algorithm not in ALGORITHMS:
        raise InvalidInput(f"The algorithm must be {' or '.join(ALGORITHMS)}, not {algorithm!r}.")
    key = generate_private_key(65537, _RSA_BITS) if algorithm == "rsa" else Ed25519PrivateKey.generate()
    raw = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    sealed = sealer.seal(raw, _about(domain, selector))
    return DkimKey(domain=domain, selector=selector, algorithm=algorithm, sealed_key=sealed)


def signer_of(sealer: Sealer, row: DkimKey) -> Signer:
    """Open a row's key.

    :raises ConfigurationError: when the installation's secret is not the one it was sealed with.
    """
    raw = sealer.open(row.sealed_key, _about(row.domain, row.selector))
    return Signer(row.domain, row.selector, _known(load_der_private_key(raw, None)))


def _known(key: object) -> PrivateKey:
    if isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
        return key
    raise ConfigurationError("A DKIM key is neither RSA nor Ed25519: make it anew.")


def _about(domain: str, selector: str) -> str:
    return f"dkim/{selector}._domainkey.{domain}"
