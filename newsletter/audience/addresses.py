"""Addresses as we accept, store and compare them (RFC 5321, M7, M8)."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

from newsletter.errors import InvalidInput

#: The plain ASCII addresses that nearly everybody has; a million of them are read without the library.
_QUICK = re.compile(
    r"(?=.{3,254}\Z)[A-Za-z0-9_+-](?:[A-Za-z0-9_+-]|\.(?!\.))*(?<!\.)@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}\Z"
)
_LOCAL_PART = 64


@dataclass(frozen=True, slots=True)
class Address:
    """An address as written (domain as A-label) and the key by which it is compared."""

    email: str
    key: str


def normalise(text: str) -> Address:
    """Return the address.

    :raises InvalidInput: for anything mail servers may read in two ways, with the reason.
    """
    given = text.strip()
    if _QUICK.match(given) and given.index("@") <= _LOCAL_PART and "--" not in given.partition("@")[2]:
        return Address(given, given.lower())
    try:
        valid = validate_email(
            unicodedata.normalize("NFC", given),
            check_deliverability=False,
            allow_quoted_local=False,
            test_environment=True,
        )
    except EmailNotValidError as error:
        raise InvalidInput(f"{given[:80]!r} is no address: {str(error).rstrip('.')}.") from None
    domain = (valid.ascii_domain or valid.domain).lower()
    email = f"{valid.local_part}@{domain}"
    if len(email) > 254:
        raise InvalidInput(f"{given[:80]!r} is longer than an address can be.")
    return Address(email, f"{valid.local_part.lower()}@{domain}")


def masked(email: str) -> str:
    """Return the address as a forwarded page may show it."""
    local, _, domain = email.partition("@")
    return f"{local[:1]}{'•' * min(max(len(local) - 1, 3), 8)}@{domain}"


_NAME_NOISE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")


def clean_name(text: str) -> str:
    """Return a person's name on one line, without control and direction characters, at most 300 long."""
    return " ".join(_NAME_NOISE.sub(" ", unicodedata.normalize("NFC", text)).split())[:300]
