"""Where the mailbox is: its URL taken apart. The password never shows in words about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal
from urllib.parse import unquote, urlsplit

from newsletter.errors import ConfigurationError

Protocol = Literal["imap", "pop3", "maildir"]
#: `tls` from the first byte, `starttls` after a greeting in the clear, `none` for a server on this machine.
Security = Literal["tls", "starttls", "none"]
After = Literal["delete", "keep"]

_SCHEMES: Final[dict[str, tuple[Protocol, Security, int]]] = {
    "imaps": ("imap", "tls", 993),
    "imap+starttls": ("imap", "starttls", 143),
    "imap": ("imap", "none", 143),
    "pop3s": ("pop3", "tls", 995),
    "pop3+starttls": ("pop3", "starttls", 110),
    "pop3": ("pop3", "none", 110),
    "maildir": ("maildir", "none", 0),
}
_HERE: Final = ("127.0.0.1", "::1", "localhost")
_EXAMPLES: Final = "imaps://user@host/INBOX, pop3s://user@host or maildir:///path"


@dataclass(frozen=True, slots=True)
class MailboxPlace:
    """A mailbox and what becomes of its mail once it is taken in: `folder` is a folder's name, or a maildir's path."""

    protocol: Protocol
    security: Security
    host: str
    port: int
    user: str
    folder: str
    after: After = "delete"
    password: str = field(default="", repr=False)

    def __str__(self) -> str:
        """Return it in words that may be shown."""
        if self.protocol == "maildir":
            return f"maildir {self.folder}"
        return f"{self.user} at {self.host}:{self.port} ({self.protocol.upper()}, {self.folder})"


def parse_place(url: str, *, password: str = "", after: After = "delete") -> MailboxPlace:
    """Return the mailbox of a URL; a password given on its own beats the one inside.

    :raises ConfigurationError: when it names no mailbox, or one that would be unsafe to use.
    """
    try:
        parts = urlsplit(url)
        protocol, security, port = _SCHEMES[parts.scheme]
        port = parts.port or port
    except (KeyError, ValueError):
        raise ConfigurationError(f"A mailbox looks like {_EXAMPLES}.") from None
    if protocol == "maildir":
        return _maildir(parts.netloc + unquote(parts.path), after)
    host, user = parts.hostname or "", unquote(parts.username or "")
    secret = password or unquote(parts.password or "")
    _check(protocol, security, host, user, after)
    folder = unquote(parts.path.strip("/")) or "INBOX"
    return MailboxPlace(protocol, security, host, port, user, folder, after, secret)


def _maildir(path: str, after: After) -> MailboxPlace:
    if not Path(path).is_absolute():
        raise ConfigurationError("A maildir is named by its whole path: maildir:///var/mail/returned.")
    return MailboxPlace("maildir", "none", "", 0, "", path, after)


def _check(protocol: Protocol, security: Security, host: str, user: str, after: After) -> None:
    if not host or not user:
        raise ConfigurationError(f"A mailbox needs a host and a user: {_EXAMPLES}.")
    if security == "none" and host not in _HERE:
        raise ConfigurationError(
            f"Without TLS the password would cross the network readable: use {protocol}s:// or {protocol}+starttls://."
        )
    if protocol == "pop3" and after == "keep":
        raise ConfigurationError("POP3 cannot mark mail: let it be deleted, or use IMAP.")
