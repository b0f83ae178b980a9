"""`newsletter db`: migrate and check."""

from __future__ import annotations

import typer

from newsletter.cli.support import container, fail, say

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Migrate and check the database.")


@app.command(epilog="Example: newsletter db upgrade")
def upgrade() -> None:
    """Bring the database up to date; safe to run again."""
    from newsletter.db import migrate

    parts = container()
    migrate.upgrade(parts.engine)
    say(f"The database is at {migrate.current_revision(parts.engine)}.")


@app.command(epilog="Example: newsletter db check")
def check() -> None:
    """Say whether the schema is current and without drift; exit 1 when not."""
    from newsletter.db import migrate
    from newsletter.schema import metadata

    parts = container()
    current, head = migrate.current_revision(parts.engine), migrate.head_revision()
    if current != head:
        fail(
            f"The database is at {current or 'nothing'}, this version needs {head}: run 'newsletter db upgrade'."
        )
    differences = migrate.drift(parts.engine, metadata)
    if differences:
        fail(
            f"The database differs from the models in {len(differences)} places, the first: {differences[0]!r}."
        )
    say(f"The database is current ({head}).")
