"""The sample mail server's second half: it bounces some of what it accepted, as RFC 3464 reports to the return path."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.mime.text import MIMEText
from email.utils import formatdate, make_msgid
from typing import TYPE_CHECKING

from sqlalchemy import select

from newsletter.delivery.models import Delivery
from newsletter.delivery.states import DeliveryState
from newsletter.sample import bounces_later

if TYPE_CHECKING:
    from newsletter.bootstrap import Container


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
    report = MIMEMultipart("report", report_type="delivery-status")
    report["From"] = "Mail Delivery System <mailer-daemon@mx.example.com>"
    report["To"] = return_path
    report["Subject"] = "Undelivered Mail Returned to Sender"
    report["Date"] = formatdate()
    report["Message-ID"] = make_msgid(domain="mx.example.com")
    report["Auto-Submitted"] = "auto-replied"
    report.attach(MIMEText(f"This is the mail system at mx.example.com.\n\n<{address}>: {diagnostic}\n"))
    report.attach(_machine_part(address, status, diagnostic))
    original = EmailMessage()
    original["To"] = address
    headers = MIMENonMultipart("text", "rfc822-headers")
    headers.set_payload(original.as_string())
    report.attach(headers)
    return report.as_bytes()


def _machine_part(address: str, status: str, diagnostic: str) -> MIMENonMultipart:
    part = MIMENonMultipart("message", "delivery-status")
    part.set_payload(
        "Reporting-MTA: dns; mx.example.com\n\n"
        f"Final-Recipient: rfc822; {address}\nAction: failed\nStatus: {status}\nDiagnostic-Code: {diagnostic}\n"
    )
    return part
