"""The sample mail server's second half: it bounces some of what it accepted, as RFC 3464 reports to the return path."""

from __future__ import annotations

import smtplib
from email.utils import formatdate, make_msgid
from typing import TYPE_CHECKING

from sqlalchemy import select

from newsletter.delivery.models import Delivery
from newsletter.delivery.states import DeliveryState
from newsletter.sample import bounces_later

if TYPE_CHECKING:
    from newsletter.bootstrap import Container

_REPORT = """\
From: Mail Delivery System <mailer-daemon@mx.example.com>
To: {return_path}
Subject: Undelivered Mail Returned to Sender
Date: {date}
Message-ID: {identity}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="edge"

--edge
Content-Type: text/plain; charset=us-ascii

This is the mail system at mx.example.com. Your message could not be delivered.

<{address}>: {diagnostic}

--edge
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com

Final-Recipient: rfc822; {address}
Action: failed
Status: {status}
Diagnostic-Code: {diagnostic}

--edge
Content-Type: text/rfc822-headers

To: {address}

--edge--
"""


def return_some(parts: Container) -> int:
    """Send a bounce for every delivered sample address that should have one; return how many."""
    with parts.reading_sessions() as session:
        sent = session.execute(
            select(Delivery.id, Delivery.address)
            .where(Delivery.state == DeliveryState.SENT)
            .order_by(Delivery.id)
        ).all()
    returned = 0
    with smtplib.SMTP("127.0.0.1", parts.settings.receiver_port, timeout=30) as server:
        for delivery_id, address in sent:
            verdict = bounces_later(address)
            if verdict is None:
                continue
            return_path = f"b+{parts.keyring.return_path.sign(delivery_id)}@{parts.settings.bounce_domain}"
            server.sendmail("", [return_path], delivery_report(address, return_path, *verdict))
            returned += 1
    return returned


def delivery_report(address: str, return_path: str, status: str, diagnostic: str) -> bytes:
    """Return a multipart/report as a mail server writes it (RFC 3464)."""
    report = _REPORT.format(
        date=formatdate(),
        identity=make_msgid(domain="mx.example.com"),
        return_path=return_path,
        address=address,
        status=status,
        diagnostic=diagnostic,
    )
    return report.replace("\n", "\r\n").encode("ascii")
