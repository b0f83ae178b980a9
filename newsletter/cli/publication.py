"""`newsletter publication`: create and list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from newsletter.cli.support import container, fail, print_json, say

if TYPE_CHECKING:
    from newsletter.issues.models import Publication

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Create and list publications.")


@app.command(
    epilog=(
        'Example: newsletter publication create letter --name "Harbour Letter" '
        '--from "Harbour <letter@example.com>" --address "Harbour, 1 Quay Road, Exampleton"'
    )
)
def create(
    slug: str = typer.Argument(..., help="Short name in addresses: small letters, digits, hyphens."),
    name: str = typer.Option(..., help="The name readers see."),
    sender: str = typer.Option(..., "--from", metavar="SENDER", help='Who it comes from: "Name <a@b>".'),
    address: str = typer.Option("", help="Postal address; no issue is sent without one."),
    language: str = typer.Option("en", help="Language tag, like en, fa or pt-BR."),
    description: str = typer.Option("", help="One sentence for the archive."),
    time_zone: str = typer.Option("UTC", help="Its own clock, like Europe/Berlin."),
    reply_to: str = typer.Option("", help="Where answers go; default: the sender."),
    first_number: int = typer.Option(1, help="The number of its first issue."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON alone."),
) -> None:
    """Create a publication: who sends, how it is numbered, what it looks like."""
    from newsletter.db.session import unit_of_work
    from newsletter.issues.service import create_publication

    with unit_of_work(container().sessions) as session:
        publication = create_publication(
            session,
            slug=slug,
            name=name,
            sender=sender,
            postal_address=address,
            language=language,
            description=description,
            time_zone=time_zone,
            reply_to=reply_to or None,
            first_number=first_number,
        )
        values = _values(publication, issues=0)
    if as_json:
        print_json(values)
        return
    say(f"Created {name} ({slug}), from {publication.from_name} <{publication.from_address}>.")
    if not publication.postal_address:
        say("It has no postal address yet; checks will ask for one before sending.")


@app.command(
    epilog='Example: newsletter publication edit letter --address "Harbour, 1 Quay Road, Exampleton"'
)
def edit(
    slug: str = typer.Argument(..., help="The publication's short name."),
    name: str | None = typer.Option(None),
    sender: str | None = typer.Option(None, "--from", metavar="SENDER", help='"Name <a@b>".'),
    address: str | None = typer.Option(None, help="Postal address."),
    language: str | None = typer.Option(None),
    description: str | None = typer.Option(None),
    time_zone: str | None = typer.Option(None),
    reply_to: str | None = typer.Option(None, help="Empty: the sender."),
    accent: str | None = typer.Option(None, help="Colour, like #0f566b."),
    theme: str | None = typer.Option(None),
    clicks: str | None = typer.Option(None, help="Whose clicks are counted: off, asked or all."),
    opens: str | None = typer.Option(None, help="Whose opens are counted: off or asked."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON alone."),
) -> None:
    """Change a publication; issues approved before keep what they were approved with."""
    from newsletter.db.session import unit_of_work
    from newsletter.issues.service import (
        edit_publication,
        get_publication,
        list_issues,
        missing_numbers,
    )

    words = {
        "name": name, "sender": sender, "postal_address": address, "language": language, "description": description,
        "time_zone": time_zone, "reply_to": reply_to, "accent": accent, "theme": theme,
        "click_counting": clicks, "open_counting": opens,
    }  # fmt: skip
    changes = {word: value for word, value in words.items() if value is not None}
    if not changes:
        fail("Nothing to change: see newsletter publication edit --help.")
    with unit_of_work(container().sessions) as session:
        publication = edit_publication(session, get_publication(session, slug), changes)
        values = _values(
            publication,
            issues=len(list_issues(session, publication)),
            missing=missing_numbers(session, publication.id),
        )
    if as_json:
        print_json(values)
    else:
        say(f"Changed {slug}: {', '.join(sorted(changes)).replace('_', ' ')}.")


@app.command("list", epilog="Example: newsletter publication list --json")
def list_all(as_json: bool = typer.Option(False, "--json", help="Print JSON alone.")) -> None:
    """List publications with their next number and the gaps in their numbering."""
    rows = _rows()
    if as_json:
        print_json(rows)
        return
    for row in rows:
        gaps = (
            f"  (never used: {', '.join(map(str, row['missing_numbers'][:20]))})"
            if row["missing_numbers"]
            else ""
        )
        say(f"{row['slug']:<24} next No. {row['next_number']}  {row['name']}{gaps}")
    if not rows:
        say('None yet: newsletter publication create letter --name "Letter" --from "Me <me@example.com>"')


def _rows() -> list[dict[str, Any]]:
    from newsletter.issues.service import list_issues, list_publications, missing_numbers

    with container().reading_sessions() as session:
        return [
            _values(one, issues=len(list_issues(session, one)), missing=missing_numbers(session, one.id))
            for one in list_publications(session)
        ]


def _values(publication: Publication, *, issues: int, missing: list[int] | None = None) -> dict[str, Any]:
    names = (
        "id",
        "slug",
        "name",
        "from_name",
        "from_address",
        "reply_to",
        "postal_address",
        "language",
        "time_zone",
        "click_counting",
        "open_counting",
    )
    values = {name: getattr(publication, name) for name in names}
    return values | {
        "next_number": publication.next_number,
        "issues": issues,
        "missing_numbers": missing or [],
    }
