"""`newsletter bounces ingest` and `fetch`: returned mail from files, a pipe or the mailbox, stored and applied."""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NoReturn

import typer

from newsletter.cli.support import container, fail, note, print_json, say

if TYPE_CHECKING:
    from newsletter.bootstrap import Container
    from newsletter.feedback.mailboxes.fetching import Intake, Visit
    from newsletter.feedback.mailboxes.place import MailboxPlace

STDIN = "-"


def ingest(
    files: list[Path] = typer.Argument(..., help="Raw mails, one a file; - for one on standard input."),
    recipient: str = typer.Option(
        "",
        envvar="ORIGINAL_RECIPIENT",
        help="Whom the mail on standard input came to. Postfix says it itself.",
    ),
    sender: str = typer.Option("", envvar="SENDER", help="Its envelope sender. Postfix says it itself."),
) -> None:
    """Store returned mails and apply them, as the receiver does. A mail that is known already changes nothing.

    As a pipe of a mail server (alias "|newsletter bounces ingest -") it exits 75 when the mail cannot be stored
    now, so that the server keeps it and tries again.
    """
    if [str(path) for path in files] == [STDIN]:
        _ingest_pipe(recipient, sender)
        return
    results: Counter[str] = Counter()
    for path in files:
        raw = _read(path)
        results["unreadable" if raw is None else _take_in(raw)] += 1
    say(_counted(results))
    if results["unreadable"]:
        raise typer.Exit(1)


def _read(path: Path) -> bytes | None:
    """Return the mail; None, after a word about it, for a file that cannot be read."""
    try:
        with path.open("rb") as file:
            return _bounded(file)
    except OSError as error:
        note(f"Cannot read {path}: {error.strerror}.")
        return None


def _bounded(file: BinaryIO) -> bytes:
    """Read a mail up to the largest size and the rest to nowhere: a pipe's writer must not find it closed."""
    from newsletter.feedback.storing import LARGEST

    raw = file.read(LARGEST)
    while file.read(1024 * 1024):
        pass
    return raw


def _ingest_pipe(recipient: str, sender: str) -> None:
    with _or_later():
        result = _take_in(_without_from_line(_bounded(sys.stdin.buffer)), recipient=recipient, sender=sender)
    say(f"1 {result}")


@contextmanager
def _or_later() -> Iterator[None]:
    """Whatever goes wrong, the mail must stay with the mail server: EX_TEMPFAIL, never a bounce of a bounce."""
    try:
        yield
    except Exception as error:
        fail(f"{str(error) or type(error).__name__} The mail is left with the mail server.", os.EX_TEMPFAIL)


def _without_from_line(raw: bytes) -> bytes:
    """Drop the line that mail servers put before a mail for a command (`From sender date`)."""
    return raw.partition(b"\n")[2] if raw.startswith(b"From ") else raw


def _take_in(raw: bytes, *, recipient: str = "", sender: str = "") -> str:
    """Store and apply one mail, each in its own transaction; return what became of it."""
    from newsletter.db.session import unit_of_work
    from newsletter.feedback.service import store_returned_mail

    parts = container()
    now = parts.clock.now()
    with unit_of_work(parts.sessions) as session:
        stored = store_returned_mail(
            session, raw, recipient=recipient, sender=sender, came_by="file", now=now
        )
    return "known" if stored is None else _apply(stored.id)


def _apply(mail_id: int) -> str:
    """Apply a stored mail and return its state; one that cannot be applied now waits for a worker."""
    from newsletter.db.session import unit_of_work
    from newsletter.feedback.service import apply_returned_mail

    parts = container()
    try:
        with unit_of_work(parts.sessions) as session:
            applied = apply_returned_mail(session, mail_id, keyring=parts.keyring, now=parts.clock.now())
            return applied.state if applied is not None else "known"
    except Exception as error:
        note(f"Mail {mail_id} is stored, and waits to be applied: {error}")
        return "waiting"


def _counted(results: Counter[str]) -> str:
    return ", ".join(f"{count} {word}" for word, count in sorted(results.items()) if count)


def fetch(
    watch: bool = typer.Option(False, "--watch", help="Stay, and fetch as soon as mail arrives (IMAP IDLE)."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON alone."),
) -> None:
    """Fetch returned mail from the mailbox of NEWSLETTER_MAILBOX_URL until none is left, and apply it."""
    parts = container()
    place = parts.mailbox
    if place is None:
        fail(
            "No mailbox is configured: set NEWSLETTER_MAILBOX_URL, for example imaps://bounces@mail.example.com."
        )
    if watch:
        _watch(parts, place)
    found = _fetch_all(parts, place)
    became = _apply_waiting(parts)
    if as_json:
        print_json({"taken": found.taken, "known": found.known, "became": became, "trouble": found.trouble})
    else:
        say(": ".join(filter(None, [f"{found.taken} taken in, {found.known} known", _counted(became)])))
    if found.trouble:
        fail(found.trouble)


def _watch(parts: Container, place: MailboxPlace) -> NoReturn:
    """Stay at the mailbox until the process is ended, which is safe at any instant."""
    from newsletter.adapters.mailboxes import open_mailbox
    from newsletter.feedback.mailboxes.watching import watch

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    say(f"Watching {place}.")
    for found in watch(
        place, open_mailbox, _intake(parts, place), every_seconds=parts.settings.mailbox_seconds
    ):
        say(found.trouble or f"{found.taken} taken in, {found.known} known")
        if parts.settings.embedded:
            _apply_waiting(parts)
    sys.exit(0)


def _intake(parts: Container, place: MailboxPlace) -> Intake:
    from newsletter.feedback.mailboxes.fetching import Intake

    return Intake(parts.sessions, parts.queue, parts.clock, place.protocol)


def _fetch_all(parts: Container, place: MailboxPlace) -> Visit:
    """Visit the mailbox until it is empty or gone."""
    from newsletter.adapters.mailboxes import open_mailbox
    from newsletter.feedback.mailboxes.fetching import Visit
    from newsletter.feedback.mailboxes.rounds import visit_now

    taken = known = 0
    found = Visit(more=True)
    while found.more:
        found = visit_now(
            place, open_mailbox, _intake(parts, place), every_seconds=parts.settings.mailbox_seconds
        )
        taken, known = taken + found.taken, known + found.known
    return Visit(taken, known, trouble=found.trouble)


def _apply_waiting(parts: Container) -> Counter[str]:
    """Apply what is stored and not applied yet; a worker that is at it too does no harm."""
    from newsletter.feedback.storing import waiting_mail

    with parts.reading_sessions() as session:
        mail_ids = waiting_mail(session)
    return Counter(_apply(mail_id) for mail_id in mail_ids)
