"""Signs that a mail comes from a mail system and reports a failure. One alone proves nothing: people quote, lists forward."""

from __future__ import annotations

from typing import Final

from newsletter.feedback.classify.mime import Part
from newsletter.feedback.classify.notice import Notice
from newsletter.feedback.classify.tables import SIGNS
from newsletter.reasons.folding import folded

_DAEMON, _SUBJECT, _TEXT = SIGNS["daemon"], SIGNS["subject"], SIGNS["text"]
_LONGEST: Final = 6000
ENOUGH: Final = 3


def weight_of_signs(mail: Part, notice: Notice) -> int:
    """Add up what speaks for a report of a failed delivery."""
    signs = (
        (2, _is_daemon(mail.header("from"))),
        (1, not mail.header("from")),
        (1, _came_back(mail)),
        (1, mail.content_type == "multipart/report"),
        (2, has_failure_subject(mail)),
        (1, tells_of_failure(notice.text)),
        (1, bool(notice.original)),
        (-1, bool(mail.header("in-reply-to")) and not is_from_a_mail_system(mail)),
    )
    return sum(weight for weight, is_there in signs if is_there)


def _is_daemon(sender: str) -> bool:
    return _DAEMON.search(folded(sender[:300])) is not None


def _came_back(mail: Part) -> bool:
    path = mail.header("return-path").strip()
    return path == "<>" or _is_daemon(path)


def is_from_a_mail_system(mail: Part) -> bool:
    """Say whether sender or return path are those of a mail system."""
    return _came_back(mail) or _is_daemon(mail.header("from") or "<>")


def has_failure_subject(mail: Part) -> bool:
    """Say whether the subject announces a failure, in one of a dozen languages."""
    return _SUBJECT.search(folded(mail.header("subject")[:300])) is not None


def tells_of_failure(text: str) -> bool:
    """Say whether a text says that something was not delivered."""
    return _TEXT.search(folded(text[:_LONGEST])) is not None


def looks_returned(mail: Part, notice: Notice) -> bool:
    """Say whether a mail reports a failed delivery."""
    if mail.header("x-failed-recipients"):
        return True
    speaks = tells_of_failure(notice.text) or has_failure_subject(mail)
    return speaks and weight_of_signs(mail, notice) >= ENOUGH
