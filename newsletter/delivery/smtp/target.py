"""Where mail goes: a relay's address read from its URL."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import unquote, urlsplit

Security = Literal["none", "starttls", "tls"]
_DEFAULT_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465, "lmtp": 24}


@dataclass(frozen=True, slots=True)
class SmtpTarget:
    """A relay. The password never appears in a representation of it."""

    host: str
    port: int
    security: Security = "none"
    username: str = ""
    password: str = field(default="", repr=False)
    lmtp: bool = False

    @classmethod
    def from_url(cls, url: str) -> SmtpTarget:
        """Read `smtp://`, `smtps://`, `smtp+starttls://user:pass@host:port` or `lmtp://` (checked by the settings)."""
        parts = urlsplit(url)
        security: Security = {"smtps": "tls", "smtp+starttls": "starttls"}.get(parts.scheme, "none")  # type: ignore[assignment]
        return cls(
            host=parts.hostname or "",
            port=parts.port or _DEFAULT_PORTS[parts.scheme],
            security=security,
            username=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            lmtp=parts.scheme == "lmtp",
        )
