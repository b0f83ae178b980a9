"""`newsletter subscribers`: import, export, show and erase."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from newsletter.cli.support import container, note, print_json, progress, say

if TYPE_CHECKING:
    from newsletter.audience.import_result import ImportResult

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Import, export, show and erase subscribers."
)

_JSON = typer.Option(False, "--json", help="Print JSON alone.")


@app.command(
    "import",
    epilog='Example: newsletter subscribers import readers.csv --list readers --consent "Signed up at the desk" --confirmed',
)
def import_file(
    file: Path = typer.Argument(
        ..., metavar="FILE.csv", help="A CSV file whose first row names the columns."
    ),
    list_slug: str = typer.Option(..., "--list", help="The list they join."),
    consent: str = typer.Option("", help="How and when these people agreed; kept as proof."),
    confirmed: bool = typer.Option(
        False, "--confirmed", help="They have confirmed already; otherwise they wait on a double opt-in list."
    ),
    as_json: bool = _JSON,
) -> None:
    """Import people. Suppressed people stay suppressed, people who left stay away; bad rows go to a file."""
    result = _import(file, list_slug, consent, confirmed)
    if as_json:
        print_json(result.to_json())
        return
    say(
        f"Read {result.rows:,} rows: {result.created:,} new, {result.updated:,} updated, "
        f"{result.unchanged:,} unchanged, {result.suppressed:,} suppressed, {result.invalid:,} invalid."
    )
    if result.errors_file:
        note(f"The invalid rows with their reasons are in {result.errors_file}.")


def _import(file: Path, list_slug: str, consent: str, confirmed: bool) -> ImportResult:
    from newsletter.audience.csv_import import import_csv

    parts = container()
    with progress("Bytes read", file.stat().st_size if file.is_file() else 0) as advance:
        return import_csv(
            parts.sessions,
            file,
            list_slug=list_slug,
            consent=consent,
            confirmed=confirmed,
            actor=getpass.getuser(),
            clock=parts.clock,
            secret=lambda: parts.settings.secret,
            errors_dir=parts.settings.data_dir,
            on_progress=advance,
        )


@app.command(epilog="Example: newsletter subscribers export --list readers > readers.csv")
def export(
    list_slug: str = typer.Option("", "--list", help="Only people of this list, whatever their state there."),
    format: str = typer.Option("csv", help="csv or jsonl."),
) -> None:
    """Write people to stdout, safe to open in a spreadsheet; `import` reads it back unchanged."""
    from newsletter.audience.csv_export import export_subscribers

    with container().reading_sessions() as session:
        for line in export_subscribers(session, list_slug=list_slug or None, format=format):
            sys.stdout.write(line)


@app.command(epilog="Example: newsletter subscribers show ada@example.com")
def show(email: str = typer.Argument(..., help="The address."), as_json: bool = _JSON) -> None:
    """Show one person: lists, consents, suppressions, history."""
    from newsletter.audience.service import describe, find_subscriber

    with container().reading_sessions() as session:
        values = describe(session, find_subscriber(session, email))
    if as_json:
        print_json(values)
    else:
        _tell(values)


def _tell(values: dict[str, Any]) -> None:
    say(f"{values['email']}  {values['name']}")
    say(f"language {values['language'] or 'not known'}, known since {values['created_at']:%Y-%m-%d}")
    for row in values["subscriptions"]:
        say(f"  list {row['list']}: {row['state']}")
    for row in values["suppressions"]:
        say(f"  suppression {row['id']}: {row['reason']}{', lifted' if row['lifted_at'] else ''}")
    for row in values["history"]:
        say(f"  {row['at']:%Y-%m-%d %H:%M} {row['what']} {row['list_slug']} ({row['source']})")


@app.command(epilog="Example: newsletter subscribers erase ada@example.com --yes")
def erase(
    email: str = typer.Argument(..., help="The address."),
    yes: bool = typer.Option(False, "--yes", help="Do not ask."),
    as_json: bool = _JSON,
) -> None:
    """Forget a person for good; only a keyed hash stays, so that the address is never mailed again."""
    from newsletter.db.session import unit_of_work
    from newsletter.feedback.erasure import erase_person

    if not yes and sys.stdin.isatty():
        typer.confirm(f"Erase everything known about {email}?", abort=True, err=True)
    parts = container()
    with unit_of_work(parts.sessions) as session:
        secret, now = parts.settings.secret, parts.clock.now()
        erase_person(session, email, secret=secret, actor=getpass.getuser(), now=now)
    if as_json:
        print_json({"erased": True})
    else:
        say("Erased. The address stays suppressed by a keyed hash.")
