"""The catcher's folder: every caught message is one file, numbered, a thousand to a sub-folder; read without a lock.

A file is one line of JSON (the envelope) followed by the message, byte for byte.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from pathlib import Path
from typing import Final

from newsletter.errors import NotFound

_SHARD: Final = 1000
_DIGITS: Final = 9
_ID: Final = re.compile(r"[0-9]{9}", re.ASCII)
_HEAD_BYTES: Final = 16_384
_SUBJECT: Final = re.compile(rb"^subject:((?:.*\n[ \t])*.*)$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class CaughtMail:
    """What a list of caught mail shows. `id` goes up with time."""

    id: str
    envelope_from: str
    recipients: tuple[str, ...]
    subject: str
    received_at: datetime
    size: int


class CaughtMailWriter:
    """Adds messages to a folder, numbered on from what is there; beyond `keep` the oldest go. One writer a folder."""

    def __init__(self, folder: Path, keep: int) -> None:
        self._folder, self._keep = folder, keep
        numbers = [int(mail_id) for mail_id in _newest_first(folder)]
        self._next = numbers[0] + 1 if numbers else 1
        self._oldest = numbers[-1] if numbers else self._next

    def add(self, sender: str, recipients: Sequence[str], message: bytes, at: datetime) -> str:
        """Store one message; it appears under its id only when it is whole."""
        mail_id = f"{self._next:0{_DIGITS}}"
        envelope = {"from": sender, "to": list(recipients), "at": at.isoformat(), "size": len(message)}
        path = _path(self._folder, mail_id)
        if self._next % _SHARD == 0 or not path.parent.is_dir():
            path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_bytes(json.dumps(envelope).encode() + b"\n" + message)
        part.rename(path)
        self._next += 1
        self._drop_oldest()
        return mail_id

    def _drop_oldest(self) -> None:
        while self._next - self._oldest > self._keep:
            path = _path(self._folder, f"{self._oldest:0{_DIGITS}}")
            path.unlink(missing_ok=True)
            self._oldest += 1
            if self._oldest % _SHARD == 0:
                with suppress(OSError):
                    path.parent.rmdir()


def list_messages(
    folder: Path, *, query: str = "", before: str | None = None, limit: int = 50
) -> list[CaughtMail]:
    """Return caught mail, newest first, older than `before`; `query` is looked for in addresses and subject."""
    wanted, found = query.strip().lower(), list[CaughtMail]()
    for mail_id in _newest_first(folder):
        if len(found) >= limit:
            break
        if before is not None and mail_id >= before:
            continue
        mail = _read_head(folder, mail_id)
        if mail is not None and _matches(mail, wanted):
            found.append(mail)
    return found


def read_message(folder: Path, mail_id: str) -> bytes:
    """Return a caught message exactly as it was sent.

    :raises NotFound: when there is no such message (any more).
    """
    if not _ID.fullmatch(mail_id):
        raise NotFound("There is no such message in the mail catcher.")
    try:
        stored = _path(folder, mail_id).read_bytes()
    except FileNotFoundError:
        raise NotFound("That message is not in the mail catcher any more.") from None
    return stored.partition(b"\n")[2]


def _path(folder: Path, mail_id: str) -> Path:
    return folder / mail_id[:-3] / mail_id


def _newest_first(folder: Path) -> Iterator[str]:
    if not folder.is_dir():
        return
    shards = (entry.name for entry in folder.iterdir() if entry.name.isdigit())
    for shard in sorted(shards, reverse=True):
        with suppress(FileNotFoundError):
            names = [entry.name for entry in (folder / shard).iterdir()]
            yield from sorted(filter(_ID.fullmatch, names), reverse=True)


def _read_head(folder: Path, mail_id: str) -> CaughtMail | None:
    try:
        with _path(folder, mail_id).open("rb") as file:
            envelope = json.loads(file.readline())
            head = file.read(_HEAD_BYTES)
    except FileNotFoundError:
        return None
    return CaughtMail(
        id=mail_id,
        envelope_from=envelope["from"],
        recipients=tuple(envelope["to"]),
        subject=_subject(head),
        received_at=datetime.fromisoformat(envelope["at"]).astimezone(UTC),
        size=envelope["size"],
    )


def _subject(head: bytes) -> str:
    headers = head.replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    match = _SUBJECT.search(headers)
    if match is None:
        return ""
    text = " ".join(match[1].decode("utf-8", "replace").split())
    try:
        return str(make_header(decode_header(text)))
    except (HeaderParseError, LookupError, ValueError):
        return text


def _matches(mail: CaughtMail, wanted: str) -> bool:
    return not wanted or any(
        wanted in text.lower() for text in (mail.subject, mail.envelope_from, *mail.recipients)
    )
