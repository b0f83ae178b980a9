"""`newsletter instance`: which installation may send from this database."""

from __future__ import annotations

from dataclasses import asdict

import typer

from newsletter.cli.support import container, print_json, say

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Which installation may send from this database."
)
JSON = typer.Option(False, "--json", help="Print JSON alone.")


@app.command(epilog="Example: newsletter instance show --json")
def show(as_json: bool = JSON) -> None:
    """Compare the database's instance id with this installation's; exit 1 when they differ."""
    from newsletter.delivery.instance import STRAY, standing

    parts = container()
    with parts.reading_sessions() as session:
        found = standing(session, parts.settings.instance_id)
    if as_json:
        print_json(asdict(found) | {"may_send": found.is_home})
    else:
        say(f"database  {found.database or 'nobody yet: the first worker adopts it'}")
        say(f"here      {found.here}")
        say("This installation may send." if found.is_home else STRAY)
    if not found.is_home:
        raise typer.Exit(1)


@app.command(epilog="Example: newsletter instance adopt")
def adopt(as_json: bool = JSON) -> None:
    """Let this installation send from this database; first make sure that no other one does any more."""
    from newsletter.db.session import unit_of_work
    from newsletter.delivery import instance

    parts = container()
    here = parts.settings.instance_id
    with unit_of_work(parts.sessions) as session:
        before = instance.adopt(session, here, actor="system", now=parts.clock.now())
    if as_json:
        print_json({"before": before.database, "now": here})
    else:
        say(f"This database belongs to {here} now; its campaigns go on within seconds.")
