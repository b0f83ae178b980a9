"""E-mail addresses as people write them, as we send to them, and as we compare them (M7, M8)."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from email_validator import EmailNotValidError, validate_email

from newsletter.errors import InvalidInput

MOST_OCTETS: Final = 254
MOST_LOCAL_OCTETS: Final = 64
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
#: Plain ASCII addresses with a domain of two or more labels whose last one is no number; all else takes the slow road.
_PLAIN = re.compile(
    r"([A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*)@"
    rf"((?:{_LABEL}\.)+[A-Za-z](?:[A-Za-z0-9-]{{0,61}}[A-Za-z0-9])?)"
)
#: What mail servers may read in different ways: quotes, comments, routes, several addresses, controls.
_AMBIGUOUS = re.compile(
    r"[\x00-\x20\x7f-\xa0\"()<>,:;\[\]\\\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]"
)
_SURROUNDING = " \t\r\n\xa0\ufeff\u200b"


@dataclass(frozen=True, slots=True)
class Address:
    """`email` is what we send to (domain as A-labels), `key` what we compare and store unique."""

    email: str
    key: str

    @property
    def domain(self) -> str:
        """The domain, lower-cased, as A-labels."""
        return self.key.rpartition("@")[2]


def normalise(email: str) -> Address:
    """Return the address, or say why it is none.

    :raises InvalidInput: when mail servers could read it in different ways, or it is no address at all.
    """
    text = email.strip(_SURROUNDING)
    plain = _PLAIN.fullmatch(text)
    if (
        plain
        and len(text) <= MOST_OCTETS
        and len(plain[1]) <= MOST_LOCAL_OCTETS
        and _is_simple(text, plain[2])
    ):
        return Address(f"{plain[1]}@{plain[2].lower()}", text.lower())
    return _checked(text)


def _is_simple(text: str, domain: str) -> bool:
    """A-labels and what looks like an encoded word go the slow road."""
    return "--" not in domain and "=?" not in text


def _checked(text: str) -> Address:
    if not text:
        raise InvalidInput("There is no address.")
    if _AMBIGUOUS.search(text) or text.count("@") != 1 or "=?" in text:
        raise InvalidInput(f"{shown(text)} is no plain e-mail address: write it like name@example.com.")
    try:
        found = validate_email(
            text,
            check_deliverability=False,
            allow_smtputf8=True,
            test_environment=True,
            globally_deliverable=False,
        )
    except EmailNotValidError as error:
        raise InvalidInput(f"{shown(text)} is no e-mail address: {_sentence(error)}") from None
    return _composed(text, found.local_part, found.ascii_domain or "")


def _composed(text: str, local: str, domain: str) -> Address:
    if "." not in domain or domain.rpartition(".")[2].isdigit():
        raise InvalidInput(f"{shown(text)} is no e-mail address: its domain is no full name.")
    if len(local.encode()) > MOST_LOCAL_OCTETS or len(f"{local}@{domain}".encode()) > MOST_OCTETS:
        raise InvalidInput(f"{shown(text)} is too long for an e-mail address.")
    local = unicodedata.normalize("NFC", local)
    key = unicodedata.normalize("NFC", f"{local}@{domain}".lower())
    if len(key.encode()) > MOST_OCTETS:
        raise InvalidInput(f"{shown(text)} is too long for an e-mail address.")
    return Address(f"{local}@{domain.lower()}", key)


def _sentence(error: EmailNotValidError) -> str:
    return str(error).splitlines()[0].rstrip(".") + "."


def shown(text: str) -> str:
    """Quote what somebody gave us, short and without control characters, for an error message."""
    clean = "".join(c if c.isprintable() else "�" for c in text[:80])
    return f"“{clean}…”" if len(text) > 80 else f"“{clean}”"


def masked(email: str) -> str:
    """Return the address so that its owner knows it and a stranger learns little: `a•••@e•••.com`."""
    local, _, domain = email.rpartition("@")
    first, _, rest = domain.partition(".")
    return f"{local[:1]}•••@{first[:1]}•••{'.' + rest.rpartition('.')[2] if rest else ''}"
