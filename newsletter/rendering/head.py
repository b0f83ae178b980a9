"""The header section: lines that are the same for everybody, made once, and the few that are a reader's own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import NamedTuple

from newsletter.issues.snapshot import IssueSnapshot, PublicationProfile
from newsletter.rendering import headers
from newsletter.rendering.fields import value_of
from newsletter.rendering.values import Recipient

_LABEL = re.compile(r"[^a-z0-9-]+")
_IDENTIFIER = re.compile(r"[!-;=?-~]{1,60}")


class OwnLines(NamedTuple):
    """The header lines of one reader, each with its CRLF."""

    to: bytes
    subject: bytes
    date: bytes
    message_id: bytes
    list_unsubscribe: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of the header section before any reader is. `subject_line` is None when it holds a field."""

    from_line: bytes
    fixed_lines: bytes
    subject_line: bytes | None
    base_url: str
    unsubscribe_domain: str

    @classmethod
    def of(
        cls,
        publication: PublicationProfile,
        fixed: bytes,
        *,
        subject: str | None,
        base_url: str,
        unsubscribe_domain: str,
    ) -> Head:
        """Return the head of a publication's issue.

        :raises InvalidInput: when its sender cannot be written in a header.
        """
        return cls(
            from_line=headers.mailbox("From", publication.from_name, publication.from_address),
            fixed_lines=fixed,
            subject_line=None if subject is None else headers.unstructured("Subject", subject),
            base_url=base_url,
            unsubscribe_domain=unsubscribe_domain,
        )

    @property
    def fixed(self) -> bytes:
        """The lines that every reader's message has."""
        return self.from_line + self.fixed_lines

    def own_lines(self, recipient: Recipient, subject: str) -> OwnLines:
        """Return a reader's lines; `subject` counts when the subject holds a field."""
        return OwnLines(
            headers.mailbox("To", value_of("name", "", recipient), recipient.email, is_wide=True),
            self.subject_line or headers.unstructured("Subject", subject),
            date_line(recipient.date),
            _message_id_line(recipient.message_id),
            self._list_unsubscribe(recipient.token),
        )

    def _list_unsubscribe(self, token: str) -> bytes:
        """Both ways out; folding depends on the token's length alone, and tokens of an issue are equally long."""
        if not _IDENTIFIER.fullmatch(token):
            raise ValueError("a token that cannot stand in a header")
        before, between, after = _unsubscribe_frame(self.base_url, self.unsubscribe_domain, len(token))
        written = token.encode("ascii")
        return b"".join((before, written, between, written, after))

    def ordered(self, own: OwnLines) -> tuple[bytes, ...]:
        """Return the header section with its empty line."""
        return (self.from_line, *own, self.fixed_lines, b"\r\n")


@lru_cache(maxsize=256)
def _unsubscribe_frame(base_url: str, domain: str, token_length: int) -> tuple[bytes, bytes, bytes]:
    """Return List-Unsubscribe cut at its two tokens (RFC 2369, RFC 8058)."""
    mark = "\x7f" * token_length  # no header and no address holds it
    ways = [f"<{base_url}/u/{mark}>,", f"<mailto:u+{mark}@{domain}?subject=unsubscribe>"]
    headers.structured("List-Unsubscribe", "".join(ways).replace(mark, ""))
    before, between, after = headers.folded("List-Unsubscribe", ways).split(mark.encode("ascii"))
    return before, between, after


@lru_cache(maxsize=1024)
def date_line(moment: datetime) -> bytes:
    """Return the Date header in UTC (RFC 5322 §3.3). Rows that were claimed together share their moment."""
    return b"Date: " + format_datetime(moment.astimezone(UTC)).encode("ascii") + b"\r\n"


def _message_id_line(identifier: str) -> bytes:
    if _IDENTIFIER.fullmatch(identifier):
        return b"Message-ID: <%b>\r\n" % identifier.encode("ascii")
    return headers.structured("Message-ID", f"<{identifier}>")


def fixed_lines(snapshot: IssueSnapshot, list_id: str | None, boundary: bytes) -> bytes:
    """Return the lines after a reader's own: the same for every reader of the issue on that list."""
    publication = snapshot.publication
    domain = publication.from_address.rpartition("@")[2].lower()
    label = _LABEL.sub("-", (list_id or publication.slug).lower()).strip("-") or "list"
    number = snapshot.number if snapshot.number is not None else 0
    lines = [
        headers.structured("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        headers.folded("List-Id", [*headers.phrase(publication.name), f"<{label}.{domain}>"]),
        headers.structured("Feedback-ID", f"{publication.slug}-{number}:{label}:issue:newsletter"),
        headers.structured("Precedence", "bulk"),
        b"MIME-Version: 1.0\r\n",
        b'Content-Type: multipart/alternative;\r\n boundary="' + boundary + b'"\r\n',
    ]
    if publication.reply_to:
        lines.insert(0, headers.mailbox("Reply-To", "", publication.reply_to))
    return b"".join(lines)
