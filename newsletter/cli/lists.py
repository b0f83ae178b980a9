"""`newsletter list`: create and show mailing lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from newsletter.cli.support import container, print_json, say

if TYPE_CHECKING:
    from newsletter.audience.models import MailingList

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Create and show mailing lists.")


@app.command(epilog='Example: newsletter list create readers --name "Readers" --publication letter')
def create(
    slug: str = typer.Argument(..., help="Short name: small letters, digits, hyphens."),
    name: str = typer.Option(..., help="The name that people see."),
    publication: str = typer.Option("", help="The publication it belongs to."),
    optin: str = typer.Option("double", help="double: people confirm by mail; single: they do not."),
    description: str = typer.Option("", help="One sentence shown on the form."),
    private: bool = typer.Option(False, "--private", help="No public form."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON alone."),
) -> None:
    """Create a mailing list."""
    from newsletter.audience.service import create_list
    from newsletter.db.session import unit_of_work
    from newsletter.issues.service import get_publication

    with unit_of_work(container().sessions) as session:
        mailing_list = create_list(
            session,
            slug=slug,
            name=name,
            publication_id=get_publication(session, publication).id if publication else None,
            optin=optin,
            visibility="private" if private else "public",
            description=description,
        )
        values = _values(mailing_list, publication or None, {})
    if as_json:
        print_json(values)
    else:
        say(f"Created the list {slug}.")
        if not private:
            say(f"People subscribe at {container().settings.base_url}/subscribe/{slug}")


@app.command("list", epilog="Example: newsletter list list --json")
def list_all(as_json: bool = typer.Option(False, "--json", help="Print JSON alone.")) -> None:
    """List every mailing list with its numbers."""
    rows = _all()
    if as_json:
        print_json(rows)
        return
    for row in rows:
        say(f"{row['slug']:<24} {row['confirmed']:>9,} confirmed  {row['name']}")
    if not rows:
        say("There is no list yet: newsletter list create SLUG --name NAME")


@app.command(epilog="Example: newsletter list show readers")
def show(
    slug: str = typer.Argument(..., help="The list."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON alone."),
) -> None:
    """Show one list: what it is and how many people it has."""
    from newsletter.audience.service import find_list

    with container().reading_sessions() as session:
        find_list(session, slug)
    values = next(row for row in _all() if row["slug"] == slug)
    if as_json:
        print_json(values)
        return
    for key, value in values.items():
        say(f"{key:<14} {'' if value is None else value}")


def _all() -> list[dict[str, Any]]:
    from newsletter.audience.service import list_counts, list_lists
    from newsletter.issues.service import list_publications

    with container().reading_sessions() as session:
        publications = {each.id: each.slug for each in list_publications(session)}
        counts = list_counts(session)
        return [
            _values(each, publications.get(each.publication_id or 0), counts.get(each.id, {}))
            for each in list_lists(session)
        ]


def _values(mailing_list: MailingList, publication: str | None, counts: dict[str, int]) -> dict[str, Any]:
    return {
        "id": mailing_list.id,
        "slug": mailing_list.slug,
        "name": mailing_list.name,
        "description": mailing_list.description,
        "publication": publication,
        "optin": mailing_list.optin,
        "visibility": mailing_list.visibility,
        "confirmed": counts.get("confirmed", 0),
        "pending": counts.get("pending", 0),
        "unsubscribed": counts.get("unsubscribed", 0),
        "created_at": mailing_list.created_at,
    }
