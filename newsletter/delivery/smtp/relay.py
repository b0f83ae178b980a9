"""Which mail server to use and how, read from `NEWSLETTER_SMTP_URL`."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import unquote, urlsplit

from newsletter.errors import ConfigurationError

Encryption = Literal["none", "starttls", "implicit"]
_SCHEMES: dict[str, tuple[Encryption, int, bool]] = {
    "smtp": ("none", 25, False),
    "smtp+starttls": ("starttls", 587, False),
    "smtps": ("implicit", 465, False),
    "lmtp": ("none", 24, True),
}


@dataclass(frozen=True, slots=True)
class Timeouts:
    """RFC 5321 §4.5.3.2, in seconds; connecting is ours."""

    connect: float = 30
    greeting: float = 300
    command: float = 300
    data: float = 120
    block: float = 180
    dot: float = 600


@dataclass(frozen=True, slots=True)
class Relay:
    """A mail server that takes our messages."""

    host: str
    port: int
    encryption: Encryption = "none"
    user: str = ""
    password: str = field(default="", repr=False)
    lmtp: bool = False
    timeouts: Timeouts = Timeouts()

    @classmethod
    def from_url(cls, url: str) -> Relay:
        """Read a URL.

        :raises ConfigurationError: for an unknown scheme, or a password that would cross a network in the clear.
        """
        parts = urlsplit(url)
        if parts.scheme not in _SCHEMES or not parts.hostname:
            raise ConfigurationError("NEWSLETTER_SMTP_URL must look like smtp://host:25.")
        encryption, port, lmtp = _SCHEMES[parts.scheme]
        relay = cls(
            host=parts.hostname,
            port=parts.port or port,
            encryption=encryption,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            lmtp=lmtp,
        )
        if relay.user and encryption == "none" and not is_loopback(relay.host):
            raise ConfigurationError(
                "NEWSLETTER_SMTP_URL would send the password unencrypted: use smtp+starttls:// or smtps://."
            )
        return relay


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
