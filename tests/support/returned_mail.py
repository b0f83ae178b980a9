"""Returned mail as servers write it, for tests."""

from __future__ import annotations


def delivery_report(
    address: str,
    status: str,
    diagnostic: str,
    *,
    action: str = "failed",
    original: str = "To: somebody@example.com\n",
    others: tuple[str, ...] = (),
) -> bytes:
    """Return a multipart/report (RFC 3464) about one or several recipients."""
    groups = "".join(
        f"\nFinal-Recipient: rfc822; {each}\nAction: {action}\nStatus: {status}\nDiagnostic-Code: {diagnostic}\n"
        for each in (address, *others)
    )
    return f"""\
From: Mail Delivery System <MAILER-DAEMON@mx.example.com>
To: somebody@example.com
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=b"

--=b

This is the mail system at host mx.example.com.

<{address}>: {diagnostic}

--=b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com
{groups}
--=b
Content-Type: text/rfc822-headers

{original}
--=b--
""".replace("\n", "\r\n").encode()


def complaint(address: str, feedback_type: str = "abuse") -> bytes:
    """Return a feedback report (RFC 5965)."""
    return f"""\
From: feedback@provider.example.com
To: somebody@example.com
Subject: FW: The dome turns again
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="=b"

--=b

This is an email abuse report.

--=b
Content-Type: message/feedback-report

Feedback-Type: {feedback_type}
User-Agent: SomeGenerator/1.0
Version: 1
Original-Rcpt-To: <{address}>

--=b
Content-Type: message/rfc822

From: letter@example.com
To: {address}
Subject: The dome turns again

Hello.
--=b--
""".replace("\n", "\r\n").encode()


def plain_mail(sender: str, subject: str, body: str, *headers: str) -> bytes:
    """Return an ordinary mail."""
    lines = [f"From: {sender}", "To: somebody@example.com", f"Subject: {subject}", *headers, "", body]
    return "\r\n".join(lines).encode()
