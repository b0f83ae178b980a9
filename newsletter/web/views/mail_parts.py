"""A caught mail taken apart for reading: its HTML, its text, and its headers with what each is for."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Final

_HINTS: Final = {
    "from": "What the reader sees as sender.",
    "to": "The one reader this copy is for.",
    "reply-to": "Where an answer goes.",
    "subject": "The first line anybody reads.",
    "date": "When the delivery was written down; the same at every further try.",
    "message-id": "The same if this mail is ever sent again, so it is shown once.",
    "list-id": "The name of the list, for filters.",
    "list-unsubscribe": "Lets the mail program offer its own “unsubscribe” button.",
    "list-unsubscribe-post": "One click is enough, no page in between (RFC 8058).",
    "list-archive": "Where earlier issues can be read.",
    "list-help": "Where questions go.",
    "list-owner": "Who looks after the list.",
    "feedback-id": "Lets large providers tell one campaign’s complaints from another’s.",
    "precedence": "Asks vacation responders to be silent.",
    "auto-submitted": "Written by a machine: nobody’s responder should answer.",
    "x-auto-response-suppress": "The same, for Exchange.",
    "return-path": "Where it comes back to, signed: who bounced is known, not guessed.",
    "mime-version": "The mail has parts.",
    "content-type": "What kind of parts, and what divides them.",
    "content-transfer-encoding": "How the body travels through machines that know only ASCII.",
    "content-language": "The language, for screen readers and translators.",
    "dkim-signature": "Signed by the sending domain: changed mail is found out.",
    "received": "Which machine passed it on.",
    "x-campaign": "Which campaign this copy belongs to.",
}


@dataclass(frozen=True, slots=True)
class Header:
    """One header line, unfolded and decoded, with what it is for."""

    name: str
    value: str
    hint: str


@dataclass(frozen=True, slots=True)
class MailParts:
    """What there is to see of a mail."""

    subject: str
    html: str
    text: str
    headers: list[Header]
    attachments: list[str]


def take_apart(raw: bytes) -> MailParts:
    """Read any mail; what cannot be decoded is shown as well as it goes."""
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    headers = [_header(name, value) for name, value in message.raw_items()]
    return MailParts(
        subject=next((one.value for one in headers if one.name.lower() == "subject"), ""),
        html=_body(message, "text/html"),
        text=_body(message, "text/plain"),
        headers=headers,
        attachments=[part.get_filename() or part.get_content_type() for part in _attached(message)],
    )


def _header(name: str, raw: object) -> Header:
    value = " ".join(str(raw).split())
    with suppress(
        Exception
    ):  # the header parser raises anything on hostile input; the raw line is shown then
        value = " ".join(str(policy.default.header_fetch_parse(name, str(raw))).split())
    return Header(name, value, _HINTS.get(name.lower(), ""))


def _body(message: EmailMessage, content_type: str) -> str:
    for part in message.walk():
        if part.get_content_type() == content_type and part.get_content_disposition() != "attachment":
            payload = part.get_payload(decode=True)
            if isinstance(payload, bytes):
                return _decoded(payload, part.get_content_charset() or "utf-8")
    return ""


def _decoded(payload: bytes, charset: str) -> str:
    try:
        return payload.decode(charset, "replace")
    except LookupError:
        return payload.decode("utf-8", "replace")


def _attached(message: EmailMessage) -> list[EmailMessage]:
    parts = (part for part in message.walk() if part.get_content_disposition() == "attachment")
    return [part for part in parts if isinstance(part, EmailMessage)]
