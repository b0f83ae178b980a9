"""`newsletter bounces`: returned mail from files, read or taken in."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from newsletter.cli.bounce_rule import rule
from newsletter.cli.mail_intake import STDIN, fetch, ingest
from newsletter.cli.support import note, print_json_line, say

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Returned mail: bounces and complaints.")

app.command(epilog="Example: newsletter bounces ingest /var/mail/returned/*.eml")(ingest)
app.command(epilog="Example: newsletter bounces fetch --watch")(fetch)
app.command(epilog="Example: newsletter bounces rule letter --count 4 --over-days 21")(rule)


@app.command(epilog="Example: newsletter bounces classify returned.eml --json")
def classify(
    files: list[Path] = typer.Argument(
        None, help="Raw mails, one a file; standard input when none is named."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object a mail."),
) -> None:
    """Say what each mail is: a hard or soft bounce, complaint, auto-reply, wish to leave or none. Writes nothing."""
    from newsletter.feedback.classify import classify_json

    failed = False
    for name, raw in _mails(files):
        if raw is None:
            failed = True
            continue
        found = {"file": name, **classify_json(raw)}
        if as_json:
            print_json_line(found)
        else:
            say(_in_words(found))
    if failed:
        raise typer.Exit(1)


def _mails(files: list[Path] | None) -> Iterator[tuple[str, bytes | None]]:
    """Yield each mail with its name; None, after a word about it, for a file that cannot be read."""
    if not files:
        yield STDIN, sys.stdin.buffer.read()
        return
    for path in files:
        try:
            yield str(path), path.read_bytes()
        except OSError as error:
            note(f"Cannot read {path}: {error.strerror}.")
            yield str(path), None


def _in_words(found: dict[str, Any]) -> str:
    about = ", ".join(found["recipients"]) or "nobody named"
    why = " ".join(filter(None, [found["status"], found["reason"], found["diagnostic"][:120]]))
    return f"{found['file']}: {found['kind']} ({about}) {why}".rstrip()
