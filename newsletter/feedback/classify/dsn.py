"""Delivery status notifications (RFC 3464), read as tolerantly as they are written.

Seen in the wild and read here: groups without Action, blank lines inside a group, the fields in a text/plain part, no
address type, `<…>` around addresses, several reports in one mail.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from newsletter.feedback.classify.addresses import first_address
from newsletter.feedback.classify.failures import Action, Failure
from newsletter.feedback.classify.mime import Part
from newsletter.feedback.classify.signs import is_from_a_mail_system
from newsletter.reasons import enhanced_status

STATUS_TYPES: Final = frozenset({"message/delivery-status", "message/global-delivery-status"})
_FIELD: Final = re.compile(r"([A-Za-z][A-Za-z-]{2,40})[ \t]*:[ \t]*(.*)")
_RECIPIENT_FIELDS: Final = ("original-recipient", "final-recipient", "x-actual-recipient")
_IN_TEXT: Final = re.compile(r"^\s{0,8}Final-Recipient[ \t]*:", re.IGNORECASE | re.MULTILINE)
#: Who forwards a whole report in the text of a mail quotes its fields.
_FORWARDED: Final = re.compile(r"\W*(?:fwd?|wg|tr|rv|enc|doorst)\s*:", re.IGNORECASE)
_QUOTE: Final = re.compile(r"^[ \t]{0,4}>[ \t]?", re.MULTILINE)
_LONGEST_DIAGNOSTIC: Final = 1000
_MOST_RECIPIENTS: Final = 50


def reported_failures(mail: Part) -> list[Failure]:
    """Return what the machine-readable parts say about each recipient."""
    found: list[Failure] = []
    for part in _own_parts(mail):
        text = _report_text(part, mail)
        if text:
            found.extend(filter(None, map(_failure, _groups(_fields(text)))))
    return found[:_MOST_RECIPIENTS]


def _own_parts(mail: Part) -> Iterator[Part]:
    """Yield the parts of the report itself. A report inside a message that a person forwards is that person's affair."""
    is_report = is_from_a_mail_system(mail) or mail.content_type == "multipart/report"
    return mail.walk() if is_report else mail.walk_outside_messages()


def _report_text(part: Part, mail: Part) -> str:
    if part.children:
        return ""
    if part.content_type in STATUS_TYPES:
        return part.text
    text = _QUOTE.sub("", part.text) if _FORWARDED.match(mail.header("subject")[:100]) else part.text
    return text if _IN_TEXT.search(text) else ""


def _fields(text: str) -> Iterator[tuple[str, str]]:
    """Yield (name, unfolded value); an empty name stands for a blank line."""
    name, value = "", ""
    for line in text.splitlines()[:2000]:
        if name and line[:1] in (" ", "\t") and line.strip() and not _is_recipient_line(line):
            value += " " + line.strip()
            continue
        if name:
            yield name, value
        match = _FIELD.fullmatch(line.strip())
        name, value = (match[1].lower(), match[2].strip()) if match else ("", "")
        if not line.strip():
            yield "", ""
    if name:
        yield name, value


def _is_recipient_line(line: str) -> bool:
    return line.strip().lower().startswith(_RECIPIENT_FIELDS)


def _groups(fields: Iterable[tuple[str, str]]) -> Iterator[dict[str, str]]:
    """Split fields by recipient: a recipient field begins a new group when the group has it, or ended with a blank line."""
    group: dict[str, str] = {}
    after_blank = False
    for name, value in fields:
        if not name:
            after_blank = True
            continue
        has_recipient = any(each in group for each in _RECIPIENT_FIELDS)
        if name in _RECIPIENT_FIELDS and has_recipient and (after_blank or name in group):
            yield group
            group = {}
        group.setdefault(name, value)
        after_blank = False
    yield group


def _failure(group: dict[str, str]) -> Failure | None:
    recipient = next((found for name in _RECIPIENT_FIELDS if (found := _address(group.get(name, "")))), "")
    if not recipient and not any(name in group for name in _RECIPIENT_FIELDS):
        return None
    status = enhanced_status(group.get("status", ""))
    if not recipient and status is None:
        return None
    return Failure(
        recipient=recipient,
        action=_action(group.get("action", "")),
        status=status or "",
        diagnostic=group.get("diagnostic-code", "")[:_LONGEST_DIAGNOSTIC],
    )


def _address(value: str) -> str:
    """Return the address of a field; `utf-8;` announces letters of any script (RFC 6533 §3)."""
    kind, _, rest = value.partition(";")
    stated = (rest or value).strip()
    if kind.strip().lower() == "utf-8" or not stated.isascii():
        return first_address(f"<{stated.strip('<>')}>")
    return first_address(stated)


def _action(value: str) -> Action:
    word = value.strip().lower()
    if word.startswith("delayed"):
        return Action.DELAYED
    if word.startswith(("delivered", "relayed", "expanded")):
        return Action.DELIVERED
    return Action.FAILED
