"""`newsletter suppressions`: addresses that must not be mailed."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from newsletter.cli.support import container, fail, note, print_json, say

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from newsletter.audience.models import Suppression

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Addresses that must not be mailed.")

_JSON = typer.Option(False, "--json", help="Print JSON alone.")
_PUBLICATION = typer.Option("", help="Only for this publication; everywhere when left out.")


@app.command(epilog='Example: newsletter suppressions add ada@example.com --detail "Asked by telephone"')
def add(
    email: str = typer.Argument(..., help="The address."),
    reason: str = typer.Option("manual", help="manual, complaint, hard_bounce, soft_bounce or unsubscribed."),
    detail: str = typer.Option("", help="Why, in your words."),
    publication: str = _PUBLICATION,
    as_json: bool = _JSON,
) -> None:
    """Stop all mail to an address, from the next message on."""
    from newsletter.audience.addresses import normalise
    from newsletter.audience.suppressions import suppress
    from newsletter.db.session import unit_of_work

    parts = container()
    with unit_of_work(parts.sessions) as session:
        row = suppress(
            session,
            normalise(email).key,
            reason=reason,
            source="cli",
            detail=detail,
            publication_id=_publication_id(session, publication),
            actor=getpass.getuser(),
            now=parts.clock.now(),
        )
        values = _values(row)
    if as_json:
        print_json(values)
    else:
        say(f"{values['address']} is suppressed ({values['reason']}).")


@app.command(epilog='Example: newsletter suppressions remove ada@example.com --reason "Mailbox works again"')
def remove(
    email: str = typer.Argument(..., help="The address."),
    reason: str = typer.Option(..., help="Why it may be mailed again; kept with the record."),
    publication: str = _PUBLICATION,
    as_json: bool = _JSON,
) -> None:
    """Allow mail to an address again; the record stays."""
    from newsletter.audience.suppressions import lift
    from newsletter.db.session import unit_of_work

    parts = container()
    with unit_of_work(parts.sessions) as session:
        rows = _active(session, email, publication)
        if not rows:
            fail(f"{email} is not suppressed.")
        for row in rows:
            lift(session, row.id, reason=reason, actor=getpass.getuser(), now=parts.clock.now())
        values = [_values(row) for row in rows]
    if as_json:
        print_json(values)
    else:
        say(f"{email} may be mailed again.")


def _active(session: Session, email: str, publication: str) -> list[Suppression]:
    """Return what stands against an address: of one publication when named, else all, hashed ones too."""
    from sqlalchemy import select

    from newsletter.audience.addresses import normalise
    from newsletter.audience.models import Suppression
    from newsletter.audience.suppressions import hashed_key

    key = normalise(email).key
    keys = [key]
    if session.scalar(select(Suppression.id).where(Suppression.reason == "erased").limit(1)) is not None:
        keys.append(hashed_key(key, container().settings.secret))
    query = select(Suppression).where(Suppression.address_key.in_(keys), Suppression.lifted_at.is_(None))
    if publication:
        query = query.where(Suppression.publication_id == _publication_id(session, publication))
    return list(session.scalars(query))


@app.command("list", epilog="Example: newsletter suppressions list --reason hard_bounce --json")
def list_all(
    search: str = typer.Option("", help="The beginning of the address."),
    reason: str = typer.Option("", help="Only this reason."),
    lifted: bool = typer.Option(False, "--lifted", help="Also those that were lifted."),
    limit: int = typer.Option(0, min=0, help="At most so many; 0 is all."),
    as_json: bool = _JSON,
) -> None:
    """List suppressions, newest first."""
    from newsletter.audience.suppressions import list_query

    query = list_query(search=search, reason=reason, active=not lifted)
    if limit:
        query = query.limit(limit)
    with container().reading_sessions() as session:
        rows = [_values(row) for row in session.scalars(query)]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        say(f"{row['created_at']:%Y-%m-%d}  {row['reason']:<12}  {row['address']}")
    if not rows:
        say("No address is suppressed.")


@app.command("import", epilog="Example: newsletter suppressions import left.csv")
def import_file(
    file: Path = typer.Argument(
        ..., metavar="FILE", help="A CSV with a column 'email', or one address per line."
    ),
    reason: str = typer.Option("imported", help="The reason kept with each."),
    publication: str = _PUBLICATION,
    as_json: bool = _JSON,
) -> None:
    """Suppress every address of a file, such as the list of those who left elsewhere."""
    from newsletter.audience.suppression_import import import_suppressions

    parts = container()
    with parts.reading_sessions() as session:
        publication_id = _publication_id(session, publication)
    result = import_suppressions(
        parts.sessions,
        file,
        reason=reason,
        publication_id=publication_id,
        actor=getpass.getuser(),
        clock=parts.clock,
        errors_dir=parts.settings.data_dir,
    )
    if as_json:
        print_json(result.to_json())
        return
    say(f"Read {result.rows:,} rows: {result.created:,} suppressed now, {result.unchanged:,} were already, "
        f"{result.invalid:,} invalid.")  # fmt: skip
    if result.errors_file:
        note(f"The invalid rows with their reasons are in {result.errors_file}.")


def _publication_id(session: Session, slug: str) -> int | None:
    from newsletter.issues.service import get_publication

    return get_publication(session, slug).id if slug else None


def _values(row: Suppression) -> dict[str, Any]:
    return {
        "id": row.id,
        "address": row.address_key,
        "reason": row.reason,
        "detail": row.detail,
        "source": row.source,
        "publication_id": row.publication_id,
        "campaign_id": row.campaign_id,
        "created_at": row.created_at,
        "created_by": row.created_by,
        "lifted_at": row.lifted_at,
        "lifted_by": row.lifted_by,
        "lifted_reason": row.lifted_reason,
    }
