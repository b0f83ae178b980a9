"""Messages as tests read them: merged by us, parsed by the standard library."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

from newsletter.issues.snapshot import IssueSnapshot
from newsletter.rendering.message import CompiledMessage
from newsletter.rendering.pipeline import compiled_issue
from newsletter.rendering.values import Recipient

BASE_URL = "https://letters.example.org"


def recipient(**changes: Any) -> Recipient:
    """Return a reader."""
    values: dict[str, Any] = {
        "email": "ada@example.com",
        "name": "Ada Brandt",
        "token": "tokenofada",
        "return_path": "b+return@example.com",
        "message_id": "idofada@example.com",
        "date": datetime(2026, 11, 25, 9, 0, tzinfo=UTC),
    }
    return Recipient(**(values | changes))


def compiled(snapshot: IssueSnapshot) -> CompiledMessage:
    """Compile an issue as delivery does."""
    return compiled_issue(snapshot, BASE_URL, "readers", "")


def parsed(raw: bytes) -> EmailMessage:
    """Parse a message."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def part(message: EmailMessage, kind: str) -> str:
    """Return the decoded text or HTML part, with LF line ends."""
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def header_names(raw: bytes) -> list[str]:
    """Return the names of the header lines, folded ones once, in order."""
    head = raw.partition(b"\r\n\r\n")[0].decode("ascii")
    return [line.partition(":")[0] for line in head.split("\r\n") if line[:1] not in (" ", "\t")]
