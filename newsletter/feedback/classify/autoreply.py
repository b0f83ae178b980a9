"""Answers that no person wrote: vacation notes, "received your mail", challenges; and mails that ask to be unsubscribed."""

from __future__ import annotations

import re
from typing import Final

from newsletter.feedback.classify.addresses import first_address
from newsletter.feedback.classify.mime import Part
from newsletter.feedback.classify.notice import Notice
from newsletter.feedback.classify.signs import came_back
from newsletter.feedback.classify.tables import SIGNS
from newsletter.feedback.classify.values import Classified, Kind
from newsletter.reasons.folding import folded

_REPLIED: Final = re.compile(r"auto-replied|auto-notified|vacation", re.IGNORECASE)
_PRECEDENCE: Final = re.compile(r"auto[_-]?reply", re.IGNORECASE)
_MARKS: Final = (
    "x-autoreply",
    "x-autorespond",
    "x-autoresponder",
    "x-auto-reply",
    "x-autoreply-from",
    "x-mail-autoreply",
    "x-vacation",
    "x-facebook-notify-autoreply",
)
_RE: Final = r"^\W*(?:(?:re|aw|sv|antw|r|fwd?)\s*:\s*)*\W*"
_SUBJECT: Final = re.compile(rf"{_RE}(?:{SIGNS['auto-reply'].pattern})")
#: In characters; people who write more than that are there.
_LONGEST_ABSENCE: Final = 1500
_WISH: Final = re.compile(
    rf"{_RE}(?:{SIGNS['leave'].pattern})(?: me| us| please| now| from .{{0,80}}| request)?\W*$"
)


def read_wish_to_leave(mail: Part) -> Classified | None:
    """Return the wish of a mail whose subject is nothing but "unsubscribe", as mail programs send it."""
    subject = mail.header("subject")[:200]
    if not _WISH.match(folded(subject)):
        return None
    sender = first_address(mail.header("from"))
    return Classified(Kind.UNSUBSCRIBE, (sender,) if sender else (), diagnostic=subject)


def read_auto_reply(mail: Part, notice: Notice) -> Classified | None:
    """Return the automatic answer that a mail is; None when a person may have written it."""
    is_one = (
        _is_marked(mail) or _answers_by_itself(mail) or _challenges(mail, notice) or _tells_of_absence(notice)
    )
    return Classified(Kind.AUTOREPLY, diagnostic=mail.header("subject")[:200]) if is_one else None


def _is_marked(mail: Part) -> bool:
    return (
        _REPLIED.search(mail.header("auto-submitted")) is not None
        or _PRECEDENCE.search(mail.header("precedence")) is not None
        or any(mail.header(name) for name in _MARKS)
        or _SUBJECT.match(folded(mail.header("subject")[:200])) is not None
    )


def _answers_by_itself(mail: Part) -> bool:
    """Say whether a program answers a message (RFC 3834 §5, Exchange); trackers and lists, which also do, are left out."""
    if mail.header("list-id") or not (mail.header("in-reply-to") or mail.header("references")):
        return False
    is_generated = "auto-generated" in mail.header("auto-submitted").lower()
    return bool(mail.header("x-auto-response-suppress")) or (is_generated and came_back(mail))


def _challenges(mail: Part, notice: Notice) -> bool:
    headers = " ".join(mail.header(name) for name in ("subject", "from", "return-path"))
    return is_challenge(headers) or is_challenge(notice.text[:2000])


def _tells_of_absence(notice: Notice) -> bool:
    """Say whether a short text says that its writer is away, and until when or whom to ask instead."""
    text = folded(notice.unquoted().text[: 2 * _LONGEST_ABSENCE])
    if len(text) > _LONGEST_ABSENCE:
        return False
    return SIGNS["away"].search(text) is not None and SIGNS["back"].search(text) is not None


def is_challenge(text: str) -> bool:
    """Say whether a text asks the sender to prove to be a person."""
    return SIGNS["challenge"].search(folded(text[:4000])) is not None


def is_read_receipt(mail: Part) -> bool:
    """Say whether a mail tells that a message was opened or deleted (RFC 8098)."""
    return any(part.content_type == "message/disposition-notification" for part in mail.walk())
