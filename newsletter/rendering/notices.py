"""Mails about a subscription: short, plain, no text that a stranger could have supplied (S10), Auto-Submitted (RFC 3834)."""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime

from newsletter.rendering import headers
from newsletter.rendering.mime import quoted_printable

CONFIRMATION = (
    "Somebody, most likely you, asked for {publication} to be sent to this address.\n\n"
    "To confirm, open this page and press the button:\n\n{url}\n\n"
    "If it was not you, do nothing: without your confirmation no letter will come.\n"
)


def confirmation_mail(
    *, publication: str, from_name: str, from_address: str, to: str, url: str, message_id: str, date: datetime
) -> bytes:
    """Return the double opt-in mail."""
    text = CONFIRMATION.format(publication=headers.clean_value(publication), url=url)
    return notice_mail(
        from_name=from_name, from_address=from_address, to=to, subject=f"Please confirm: {publication}", text=text,
        message_id=message_id, date=date,
    )  # fmt: skip


def notice_mail(
    *, from_name: str, from_address: str, to: str, subject: str, text: str, message_id: str, date: datetime
) -> bytes:
    """Return a one-part text mail, CRLF and 7-bit."""
    return b"".join(
        (
            headers.mailbox("From", from_name, from_address),
            headers.mailbox("To", "", to),
            headers.unstructured("Subject", subject),
            b"Date: " + format_datetime(date).encode("ascii") + b"\r\n",
            headers.structured("Message-ID", f"<{message_id}>"),
            headers.structured("Auto-Submitted", "auto-generated"),
            b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
            quoted_printable(text),
        )
    )
