"""Answers that no person wrote: vacation notes, "received your mail", challenges; and mails that ask to be unsubscribed."""

from __future__ import annotations

import re
from typing import Final

from newsletter.feedback.classify.addresses import first_address
from newsletter.feedback.classify.mime import Part
from newsletter.feedback.classify.notice import Notice
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
    marked = (
        _REPLIED.search(mail.header("auto-submitted")) is not None
        or _PRECEDENCE.search(mail.header("precedence")) is not None
        or any(mail.header(name) for name in _MARKS)
        or _SUBJECT.match(folded(mail.header("subject")[:200])) is not None
        or is_challenge(mail.header("subject") + " " + mail.header("from") + " " + mail.header("return-path"))
        or is_challenge(notice.text[:2000])
    )
    return Classified(Kind.AUTOREPLY, diagnostic=mail.header("subject")[:200]) if marked else None


def is_challenge(text: str) -> bool:
    """Say whether a text asks the sender to prove to be a person."""
    return SIGNS["challenge"].search(folded(text[:4000])) is not None


def is_read_receipt(mail: Part) -> bool:
    """Say whether a mail tells that a message was opened or deleted (RFC 8098)."""
    return any(part.content_type == "message/disposition-notification" for part in mail.walk())
