"""From what a server said to one reason: words win over codes, and precise codes over vague words."""

from __future__ import annotations

from newsletter.reasons.reason import Reason
from newsletter.reasons.status import reason_of_code, reason_of_status
from newsletter.reasons.words import reason_in_words


def reason_of(said: str, status: str = "", notice: str = "") -> Reason:
    """Return the reason of a refusal.

    :param said: the server's words, with its reply code: `550 5.1.1 User unknown`.
    :param status: the best enhanced status that is known, or an empty text.
    :param notice: what was written for people, asked when the server's words say nothing.
    """
    meant = reason_in_words(said or notice)
    if meant is not None and (meant is not Reason.NETWORK or status.startswith("4")):
        return meant
    return (
        reason_of_status(status)
        or meant
        or (reason_in_words(notice) if said else None)
        or reason_of_code(said or notice)
        or Reason.UNKNOWN
    )
