"""Returned mail as the world's mail systems write it: tables of cases in tests/returned, made into whole mails here.

A case is a title after `===`, one line of truth `kind | recipients | status | reason` (alternatives after `/`, `-` for none),
then headers and text. `[[name]]` begins a further part, `{returned}` stands for the message that comes back.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "returned"
FILES = ("servers", "providers", "older", "later", "fresh", "answers", "ordinary")
BOUNDARY = "=_part"
HEADERS = """\
Return-Path: <b+token@bounces.example.com>
Received: from mail.example.com (mail.example.com [192.0.2.1]) by mail.example.net with ESMTP id 1; Mon, 2 Mar 2026 08:00:00 +0000
From: The Letter <letter@example.com>
Reply-To: editors@example.com
To: ada@example.org
Subject: Issue 12: The dome turns again
Date: Mon, 2 Mar 2026 08:00:00 +0000
Message-ID: <d12.34@example.com>
List-Unsubscribe: <https://letters.example.com/u/token>, <mailto:u+token@bounces.example.com>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
"""
MESSAGE = HEADERS + "\nHello Ada, the dome turns again. To leave, write to leave@example.com.\n"
TYPES = {
    "status": "message/delivery-status",
    "global-status": "message/global-delivery-status",
    "feedback": "message/feedback-report",
    "feedback-base64": "message/feedback-report",
    "disposition": "message/disposition-notification",
    "headers": "text/rfc822-headers",
    "message": "message/rfc822",
    "raw-message": "message/rfc822",
    "attached-bounce": "message/rfc822",
    "html": "text/html; charset=utf-8",
    "calendar": "text/calendar; method=REPLY",
    "zip": "application/zip; name=report.zip",
    "tlsrpt": "application/tlsrpt+json",
}
REPORTS = {"status": "delivery-status", "global-status": "delivery-status", "feedback": "feedback-report",
           "feedback-base64": "feedback-report", "disposition": "disposition-notification", "tlsrpt": "tlsrpt"}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A mail and what it is; `recipients` are the sets of which each is right."""

    name: str
    raw: bytes
    kinds: tuple[str, ...]
    recipients: tuple[frozenset[str], ...]
    statuses: tuple[str, ...]
    reasons: tuple[str, ...]


@cache
def cases(file: str) -> tuple[Case, ...]:
    """Return the cases of one file."""
    _, *blocks = ("\n" + (FOLDER / f"{file}.txt").read_text("utf-8")).split("\n=== ")
    recipient = "letter@example.com" if file == "ordinary" else "b+token@bounces.example.com"
    return tuple(_case(block, recipient) for block in blocks)


def every_case() -> tuple[Case, ...]:
    """Return the cases of all files."""
    return tuple(case for file in FILES for case in cases(file))


def replies(file: str = "replies") -> list[tuple[str, tuple[str, ...]]]:
    """Return (reply, reasons that are right) of each line of the table of SMTP replies."""
    lines = (FOLDER / f"{file}.txt").read_text("utf-8").splitlines()
    pairs = (line.split(" | ", 1) for line in lines if line and not line.startswith("#"))
    return [(reply, tuple(reasons.split("/"))) for reasons, reply in pairs]


def _case(block: str, to: str) -> Case:
    name, truth, text = block.split("\n", 2)
    kinds, recipients, statuses, reasons = (each.strip() for each in truth.split("|"))
    sets = tuple(frozenset(_words(each, ",")) for each in recipients.split("/"))
    return Case(name, _mail(text, to), tuple(kinds.split("/")), sets, _words(statuses), _words(reasons))


def _words(text: str, separator: str = "/") -> tuple[str, ...]:
    return tuple(each.strip() for each in text.split(separator) if each.strip() not in ("", "-"))


def _mail(text: str, to: str) -> bytes:
    head, _, body = text.partition("\n\n")
    first, *parts = body.split("\n[[")
    if body.startswith("[["):
        first, parts = "", [body[2:].split("\n[[")[0], *parts]
    first = first.replace("{returned}", MESSAGE).replace("{returned-headers}", HEADERS)
    lines = [
        head,
        "Date: Mon, 2 Mar 2026 08:05:00 +0000",
        "Message-ID: <returned.1@mail.example.net>",
        "MIME-Version: 1.0",
    ]
    if "\nTo:" not in head:
        lines.append(f"To: {to}")
    if not parts:
        lines += ["Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit", "", first]
        return "\n".join(lines).encode()
    names = [part.partition("]]")[0] for part in parts]
    report = next((REPORTS[name] for name in names if name in REPORTS), "")
    kind = f"multipart/report; report-type={report}" if report else "multipart/mixed"
    lines += [f'Content-Type: {kind}; boundary="{BOUNDARY}"', ""]
    if first.strip():
        lines += [
            f"--{BOUNDARY}",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: 8bit",
            "",
            first,
            "",
        ]
    for part in parts:
        name, _, content = part.partition("]]")
        lines += [f"--{BOUNDARY}", *_part(name, content.lstrip("\n")), ""]
    return "\n".join([*lines, f"--{BOUNDARY}--", ""]).encode()


def _part(name: str, content: str) -> list[str]:
    header = f"Content-Type: {TYPES[name]}"
    if name.endswith("base64"):
        return [
            header,
            "Content-Transfer-Encoding: base64",
            "",
            base64.encodebytes(content.encode()).decode().strip(),
        ]
    filled = {"headers": HEADERS, "message": MESSAGE, "attached-bounce": _bounce(), "zip": "UEsDBBQAAAA="}
    return [header, "", filled.get(name, content)]


def _bounce() -> str:
    return f"""\
From: MAILER-DAEMON@mail.example.net (Mail Delivery System)
To: bob@example.org
Subject: Undelivered Mail Returned to Sender

<ada@example.org>: unknown user: "ada"

{MESSAGE}"""
