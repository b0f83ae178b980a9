"""A relay's URL in parts: read from a person, written without its password."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urlsplit

from newsletter.delivery.smtp.target import SmtpTarget
from newsletter.errors import InvalidInput

PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465, "lmtp": 24}
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|[0-9a-f:.]{2,45}")


@dataclass(frozen=True, slots=True)
class RelayAddress:
    """Where a relay is and who we are there. The password never appears in a representation of it."""

    scheme: str
    host: str
    port: int
    username: str = ""
    password: str = field(default="", repr=False)

    @property
    def url(self) -> str:
        """The URL without the password."""
        return self._written(quote(self.username, safe=""))

    @property
    def secret_url(self) -> str:
        """The URL with the password: to be read again, never to be shown."""
        return self._written(f"{quote(self.username, safe='')}:{quote(self.password, safe='')}")

    def _written(self, user: str) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{user}{'@' if user else ''}{host}:{self.port}"

    @property
    def is_in_the_clear(self) -> bool:
        """True when a password would cross a network unencrypted."""
        return self.scheme in ("smtp", "lmtp") and self.host not in ("localhost", "127.0.0.1", "::1")

    @property
    def target(self) -> SmtpTarget:
        """The same as the SMTP client takes it."""
        security = {"smtps": "tls", "smtp+starttls": "starttls"}.get(self.scheme, "none")
        return SmtpTarget(
            host=self.host,
            port=self.port,
            security=security,  # type: ignore[arg-type]
            username=self.username,
            password=self.password,
            lmtp=self.scheme == "lmtp",
        )


def read_url(url: str) -> RelayAddress:
    """Read `smtp+starttls://user:password@host:587`.

    :raises InvalidInput: for anything that is no relay's URL.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise InvalidInput(_LOOKS_LIKE) from None
    if parts.scheme not in PORTS or not _HOST.fullmatch(host) or parts.path.strip("/") or parts.query:
        raise InvalidInput(_LOOKS_LIKE)
    username, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not (username + password).isprintable() or len(username) > 254 or len(password) > 1000:
        raise InvalidInput("User and password must be printable and not that long.")
    return RelayAddress(parts.scheme, host, port or PORTS[parts.scheme], username, password)


_LOOKS_LIKE = (
    "A relay looks like smtp://host:25, smtp+starttls://user:password@host:587, smtps://… or lmtp://…"
)
