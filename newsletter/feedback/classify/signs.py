"""Signs that a mail comes from a mail system and reports a failure. One alone proves nothing: people quote, lists forward."""

from __future__ import annotations

import re
from typing import Final

from newsletter.feedback.classify.mime import Part
from newsletter.feedback.classify.notice import Notice
from newsletter.feedback.classify.tables import SIGNS
from newsletter.reasons.folding import folded

_DAEMON, _SUBJECT, _TEXT = SIGNS["daemon"], SIGNS["subject"], SIGNS["text"]
_MAIL_LIKE: Final = SIGNS["mail-like"]
_LONGEST: Final = 6000
_BOUNCE_ADDRESS: Final = re.compile(
    r"bounces?\b[\w.+=-]*@|\b(?:b|bounce|return|errors?|owner)[+-][\w.+=-]*@", re.IGNORECASE
)
#: The prefixes of answers and forwarded mail.
_ANSWER: Final = re.compile(
    r"\W*(?:re|aw|sv|vs|antw|odp|r|res|fwd?|wg|tr|rv|i|enc|doorst|vb)\s*(?:\[\d+\])?\s*[:：]", re.IGNORECASE
)
ENOUGH: Final = 3


def weight_of_signs(mail: Part, notice: Notice) -> int:
    """Add up what speaks for a report of a failed delivery."""
    signs = (
        (2, _sounds_like_a_mail_system(mail.header("from"))),
        (1, not mail.header("from")),
        (1, came_back(mail)),
        (1, mail.content_type == "multipart/report"),
        (2, has_failure_subject(mail)),
        (1, tells_of_failure(notice.text)),
        (1, bool(notice.original)),
        (1, _went_to_a_bounce_address(mail)),
        (-1, bool(mail.header("in-reply-to")) and not is_from_a_mail_system(mail)),
    )
    return sum(weight for weight, is_there in signs if is_there)


def _is_daemon(sender: str) -> bool:
    return _DAEMON.search(folded(sender[:300])) is not None


def _sounds_like_a_mail_system(sender: str) -> bool:
    return _is_daemon(sender) or _MAIL_LIKE.search(folded(sender[:300])) is not None


def came_back(mail: Part) -> bool:
    """Say whether the mail has the return path of a mail system: an empty one, or its own."""
    path = mail.header("return-path").strip()
    return path == "<>" or _is_daemon(path)


def is_from_a_mail_system(mail: Part) -> bool:
    """Say whether sender or return path are those of a mail system."""
    return came_back(mail) or _is_daemon(mail.header("from") or "<>")


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
    if not is_from_a_mail_system(mail) and not _has_what_people_lack(mail, notice):
        return False
    speaks = tells_of_failure(notice.text) or (has_failure_subject(mail) and not is_an_answer(mail))
    return speaks and weight_of_signs(mail, notice) >= ENOUGH


def _has_what_people_lack(mail: Part, notice: Notice) -> bool:
    """People, tickets and shops write of failed deliveries too, but to no bounce address, and they return no message."""
    returns = bool(notice.original) or mail.content_type == "multipart/report"
    return _went_to_a_bounce_address(mail) or (returns and not is_an_answer(mail))


def _went_to_a_bounce_address(mail: Part) -> bool:
    addresses = (mail.header(name) for name in ("to", "delivered-to", "x-original-to"))
    return any(_BOUNCE_ADDRESS.search(each[:300]) for each in addresses)


def is_an_answer(mail: Part) -> bool:
    """Say whether the subject has the prefix of an answer or of forwarded mail."""
    return _ANSWER.match(mail.header("subject")[:100]) is not None
