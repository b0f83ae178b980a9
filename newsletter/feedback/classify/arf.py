"""Spam complaints: feedback reports (RFC 5965), and Hotmail's older form of them.

Opt-out reports are wishes to leave; authentication reports and "not spam" are no complaints.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from newsletter.feedback.classify.addresses import addresses_in, first_address, unique
from newsletter.feedback.classify.headers import Headers, split_headers, with_plain_line_ends
from newsletter.feedback.classify.mime import Part
from newsletter.feedback.classify.values import Classified, Kind, Reason

_REPORT: Final = "message/feedback-report"
_WISHES_TO_LEAVE: Final = frozenset({"opt-out", "opt-out-list", "unsubscribe"})
_NO_COMPLAINTS: Final = frozenset({"auth-failure", "not-spam", "dmarc", "dkim", "miscategorized"})
_RECIPIENT_FIELDS: Final = ("original-rcpt-to", "removal-recipient")
_REDACTED: Final = re.compile(
    r"\[?(?:redacted|hidden|removed|undisclosed|anonymous|unknown|x{3,})\b", re.IGNORECASE
)
_HOTMAIL: Final = re.compile(r"staff@(?:hotmail|live|outlook|microsoft)\.com\b")
_LONGEST_REPORT: Final = 20_000
_MOST_RECIPIENTS: Final = 50


def read_complaint(mail: Part) -> Classified | None:
    """Return the complaint that a mail is; None when it is no feedback report at all."""
    for part in mail.walk_outside_messages():
        fields = _report_fields(part)
        if fields:
            return _judge(mail, dict(reversed(fields)), fields)
    if _is_hotmail(mail):
        recipients = tuple(filter(None, [_hotmail_recipient(mail)])) or _returned_to(mail)
        return Classified(
            Kind.COMPLAINT, recipients, reason=Reason.UNKNOWN, diagnostic=mail.header("subject")
        )
    return None


def _report_fields(part: Part) -> Headers:
    """Return the fields of a report, also of one that is sent as plain text; none when the part is something else."""
    if part.children or part.content_type not in (_REPORT, "text/plain"):
        return ()
    fields = split_headers(with_plain_line_ends(part.content[:_LONGEST_REPORT]).lstrip(b"\n"))[0]
    names = {name for name, _ in fields}
    is_whole = "feedback-type" in names and names & {"user-agent", "version"}
    return fields if is_whole or part.content_type == _REPORT else ()


def _judge(mail: Part, by_name: dict[str, str], fields: Headers) -> Classified:
    word = by_name.get("feedback-type", "abuse").partition(";")[0].strip().lower()
    if word in _NO_COMPLAINTS:
        return Classified(Kind.NONE, diagnostic=word)
    named = [first_address(value) for name, value in fields if name in _RECIPIENT_FIELDS]
    recipients = _unredacted(named)[:_MOST_RECIPIENTS] or _unredacted(_returned_to(mail))
    kind = Kind.UNSUBSCRIBE if word in _WISHES_TO_LEAVE else Kind.COMPLAINT
    return Classified(kind, recipients, diagnostic=f"Feedback-Type: {word}"[:200])


def _unredacted(addresses: Iterable[str]) -> tuple[str, ...]:
    """Return the addresses that are some: most providers black out the person (RFC 6590)."""
    return unique([each for each in addresses if each and not _REDACTED.match(each)])


def _returned_to(mail: Part) -> tuple[str, ...]:
    """Return to whom the message went that the report returns, if to one."""
    for part in mail.walk():
        if part is not mail and part.header("to"):
            found = unique(list(addresses_in(part.header("to"))))
            return found if len(found) == 1 else ()
        if part.content_type == "text/rfc822-headers":
            headers = dict(reversed(split_headers(with_plain_line_ends(part.content))[0]))
            found = unique(list(addresses_in(headers.get("to", ""))))
            return found if len(found) == 1 else ()
    return ()


def _is_hotmail(mail: Part) -> bool:
    is_from_hotmail = _HOTMAIL.search(mail.header("from").lower()) is not None
    return is_from_hotmail and "complaint about message" in mail.header("subject").lower()


def _hotmail_recipient(mail: Part) -> str:
    for part in mail.walk():
        for name in ("x-hmxmroriginalrecipient", "x-original-recipient"):
            if found := first_address(part.header(name)):
                return found
    return ""
