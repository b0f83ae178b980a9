"""What goes wrong with a mailbox, in sentences that say what to do. Servers' words are quoted, passwords never."""

from __future__ import annotations

import imaplib
import poplib
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from newsletter.feedback.mailboxes.box import MailboxGone
from newsletter.feedback.mailboxes.place import MailboxPlace

_TROUBLES: Final = (OSError, EOFError, imaplib.IMAP4.error, poplib.error_proto, ValueError)

#: Libraries show a server's answer as Python writes bytes.
_BYTES: Final = re.compile(r"\bb(['\"])(.*?)\1")


@contextmanager
def in_words(place: MailboxPlace, doing: str) -> Iterator[None]:
    """Turn what libraries raise into a sentence; `doing` completes "… failed".

    :raises MailboxGone: for any trouble with the mailbox inside the block.
    """
    try:
        yield
    except MailboxGone:
        raise
    except _TROUBLES as error:
        raise MailboxGone(_sentence(place, doing, error)) from error


def _sentence(place: MailboxPlace, doing: str, error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"The certificate of {place.host} is not trusted ({error.verify_message}): mend it there, or name the "
            "authority that signed it in SSL_CERT_FILE."
        )
    if isinstance(error, ssl.SSLError):
        return f"{place.host}:{place.port} does not speak TLS here: check port and scheme of NEWSLETTER_MAILBOX_URL."
    if isinstance(error, TimeoutError):
        return f"{place.host}:{place.port} did not answer in time while {doing}; it is tried again later."
    if isinstance(error, socket.gaierror):
        return f"There is no host {place.host}: check NEWSLETTER_MAILBOX_URL."
    return f"The mailbox {place} failed while {doing}: {_words(place, error)}"


def _words(place: MailboxPlace, error: Exception) -> str:
    said = error.args[0] if error.args and not isinstance(error, OSError) else error
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    text = _BYTES.sub(r"\2", " ".join(text.split()))[:200] or type(error).__name__
    return text.replace(place.password, "…") if place.password else text


def refused(place: MailboxPlace, error: Exception) -> MailboxGone:
    """Return the sentence about a login that was refused."""
    return MailboxGone(
        f"{place.host} refuses the user {place.user} or the password: check NEWSLETTER_MAILBOX_URL and "
        f"NEWSLETTER_MAILBOX_PASSWORD. It said: {_words(place, error)}"
    )
