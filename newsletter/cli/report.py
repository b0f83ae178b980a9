"""`newsletter report`: the reports as tables, for people, spreadsheets and scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from newsletter.cli.support import container, fail, print_json, say

if TYPE_CHECKING:
    from newsletter.reporting.tables import Table

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What became of what was sent.")

REF = typer.Argument(..., help="The campaign's id, or P/67 for the newest of that issue.")
JSON = typer.Option(False, "--json", help="Print JSON alone.")
CSV = typer.Option(False, "--csv", help="Print a spreadsheet.")
ACTOR = "system"
_MOST = 10_000


@app.command(epilog="Example: newsletter report issues --publication letter --csv > issues.csv")
def issues(
    publication: str = typer.Option("", help="Only of this publication."),
    limit: int = typer.Option(0, min=0, help="At most so many."),
    table: str = typer.Option("issues", help="issues, or their bounces by reasons or providers."),
    as_json: bool = JSON,
    as_csv: bool = CSV,
) -> None:
    """Print the issues that went out beside each other, newest first."""
    from newsletter.issues.service import get_publication
    from newsletter.reporting.issues import issue_reports, issue_table
    from newsletter.reporting.tables import find_table
    from newsletter.reporting.trends import bounce_trends

    with container().reading_sessions() as session:
        if publication:
            get_publication(session, publication)
        rows = issue_reports(session, publication=publication, limit=limit or _MOST).rows
        found = find_table([issue_table(rows), *bounce_trends(session, rows)], table)
    _print(found, as_json, as_csv)


@app.command(epilog="Example: newsletter report campaign letter/67 --table bounces")
def campaign(
    ref: str = REF,
    table: str = typer.Option("", help="Only this table: providers, bounces, leaving, links, items, …"),
    as_json: bool = JSON,
    as_csv: bool = CSV,
) -> None:
    """Print what became of a campaign: providers, bounces by reason, why people left, clicks, speed."""
    from newsletter.delivery.control.campaigns import find_campaign
    from newsletter.reporting.campaign_tables import campaign_tables
    from newsletter.reporting.tables import find_table, tables_json

    with container().reading_sessions() as session:
        tables = campaign_tables(session, find_campaign(session, ref), is_exact=True).all
    if table:
        _print(find_table(tables, table), as_json, as_csv)
    elif as_json:
        print_json(tables_json(tables))
    elif as_csv:
        fail(f"A spreadsheet holds one table: choose --table {', '.join(one.name for one in tables)}.")
    else:
        for one in tables:
            say(one.title)
            _print(one, as_json=False, as_csv=False)


@app.command(epilog="Example: newsletter report lists --list letter --by month")
def lists(
    slug: str = typer.Option("", "--list", help="The growth of this list."),
    by: str = typer.Option("week", help="day, week or month."),
    as_json: bool = JSON,
    as_csv: bool = CSV,
) -> None:
    """Print who is on the lists and who is mailed, or how one list grew."""
    from newsletter.audience.service import find_list, list_lists
    from newsletter.reporting.growth import membership_of
    from newsletter.reporting.list_tables import growth_table, list_table, step_of

    parts, step = container(), step_of(by)
    now = parts.clock.now()
    with parts.reading_sessions() as session:
        if slug:
            found = growth_table(membership_of(session, find_list(session, slug), now), step)
        else:
            found = list_table([(one, membership_of(session, one, now)) for one in list_lists(session)])
    _print(found, as_json, as_csv)


@app.command(epilog="Example: newsletter report address ada@example.com --json")
def address(
    email: str = typer.Argument(..., help="The address."),
    as_json: bool = JSON,
) -> None:
    """Print what happened to one address, the latest first."""
    from newsletter.reporting.timeline import story_of

    parts = container()
    with parts.reading_sessions() as session:
        story = story_of(session, email, secret=parts.settings.secret)
        document = story.to_json()
    if as_json:
        print_json(document)
        return
    for one in story.happenings:
        said = " ".join(part for part in (one.what, one.about, one.detail) if part)
        say(f"{one.at:%Y-%m-%d %H:%M:%S}  {one.room:<11} {said}{f' ({one.through})' if one.through else ''}")
    if not story.is_known:
        say(f"Nothing is known about {story.address}.")


@app.command(epilog="Example: newsletter report share letter/67")
def share(ref: str = REF, as_json: bool = JSON) -> None:
    """Give a campaign's rounded numbers an address that nobody can guess, and print it."""
    from newsletter.db.session import unit_of_work
    from newsletter.delivery.control.campaigns import find_campaign
    from newsletter.reporting.sharing import share_summary

    parts = container()
    with unit_of_work(parts.sessions) as session:
        found = find_campaign(session, ref)
        shared = share_summary(session, found, actor=ACTOR, now=parts.clock.now())
        link = f"{parts.settings.base_url}/s/{shared.token}"
        answer: dict[str, Any] = {"campaign": found.id, "url": link, "shared_at": shared.shared_at}
    if as_json:
        print_json(answer)
    else:
        say(link)


@app.command(epilog="Example: newsletter report unshare letter/67")
def unshare(ref: str = REF) -> None:
    """Close a public summary; its address never works again."""
    from newsletter.db.session import unit_of_work
    from newsletter.delivery.control.campaigns import find_campaign
    from newsletter.reporting.sharing import unshare_summary

    with unit_of_work(container().sessions) as session:
        found = find_campaign(session, ref)
        unshare_summary(session, found, actor=ACTOR)
        say(f"The summary of campaign {found.id} is closed.")


@app.command(epilog="Example: newsletter report recount")
def recount() -> None:
    """Throw the stored counts away and count everything anew from the rows."""
    from newsletter.db.session import unit_of_work
    from newsletter.reporting.folding import fold_campaigns, forget_counts
    from newsletter.reporting.list_folding import fold_lists

    parts = container()
    with unit_of_work(parts.sessions) as session:
        forget_counts(session)
    now = parts.clock.now()
    campaigns = fold_campaigns(parts.sessions, parts.reading_sessions, now, budget=float("inf"))
    counted = fold_lists(parts.sessions, parts.reading_sessions, now)
    say(f"Counted {campaigns:,} campaigns and {counted:,} lists.")


def _print(table: Table, as_json: bool, as_csv: bool) -> None:
    from newsletter.reporting.tables import csv_lines, text_lines

    if as_json and as_csv:
        fail("Choose one of --json and --csv.")
    if as_json:
        print_json(table.records())
        return
    for line in csv_lines(table) if as_csv else text_lines(table):
        say(line.rstrip("\r\n"))
