"""The public half of a key as DNS publishes it (RFC 6376 §3.6.1, RFC 8463 §4)."""

from __future__ import annotations

import base64
import re

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from newsletter.rendering.dkim import Signer

_STRING_BYTES = 255  # the longest character-string of a TXT record (RFC 1035 §3.3)
_SPACE = re.compile(r"\s+")


def record_name(signer: Signer) -> str:
    """Return the name that the record is published under."""
    return f"{signer.selector}._domainkey.{signer.domain}"


def record_value(signer: Signer) -> str:
    """Return the record's text in one piece."""
    public = signer.key.public_key()
    if isinstance(signer.key, RSAPrivateKey):
        return (
            f"v=DKIM1; k=rsa; p={_b64(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))}"
        )
    return f"v=DKIM1; k=ed25519; p={_b64(public.public_bytes(Encoding.Raw, PublicFormat.Raw))}"


def zone_line(signer: Signer) -> str:
    """Return the record as a line of a zone file, in strings of at most 255 bytes."""
    value = record_value(signer)
    strings = [value[at : at + _STRING_BYTES] for at in range(0, len(value), _STRING_BYTES)]
    quoted = " ".join(f'"{each}"' for each in strings)
    return f"{record_name(signer)}. IN TXT ( {quoted} )"


def is_record_of(signer: Signer, published: str) -> bool:
    """Say whether a published text holds this key; tags may stand in any order and with any white space."""
    return _tags(published).get("p", "") == _tags(record_value(signer))["p"]


def _tags(text: str) -> dict[str, str]:
    pairs = (each.partition("=") for each in text.split(";"))
    return {name.strip(): _SPACE.sub("", value) for name, _, value in pairs}


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")
