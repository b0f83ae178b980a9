"""`newsletter campaign`: look at what is being sent, stop it, go on, and prove who got it; decisions are in `campaign_control`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import typer

from newsletter.cli import campaign_control
from newsletter.cli.support import container, fail, print_json, say

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.orm import Session

    from newsletter.delivery.models import Campaign
    from newsletter.delivery.reading import LedgerRow
    from newsletter.reporting.campaigns import CampaignReport

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Watch, stop and prove what is sent.")

REF = typer.Argument(..., help="The campaign's id, or P/67 for the newest of that issue.")
JSON = typer.Option(False, "--json", help="Print JSON alone.")
ACTOR = "system"


@app.command("list", epilog="Example: newsletter campaign list --json")
def list_all(as_json: bool = JSON, limit: int = typer.Option(0, min=0, help="At most so many.")) -> None:
    """List campaigns, newest first."""
    from newsletter.delivery.control.campaigns import list_campaigns
    from newsletter.reporting.campaigns import campaign_report

    with container().reading_sessions() as session:
        found = list_campaigns(session, limit=limit or None)
        reports = [campaign_report(session, campaign) for campaign in found]
    if as_json:
        print_json([report.to_json() for report in reports])
        return
    for report in reports:
        say(f"{report.campaign:>6}  {report.issue:<24} {report.state:<10} {report.sent:>9,} sent")
    if not reports:
        say("No campaign yet. Start one: newsletter issue send P/67 --list readers")


@app.command(epilog="Example: newsletter campaign show letter/67")
def show(ref: str = REF, as_json: bool = JSON) -> None:
    """Show a campaign, its lists and what happened to it, in order."""
    from newsletter.delivery.events import events_of

    with container().reading_sessions() as session:
        campaign = _find(session, ref)
        happened = [(event.at, event.actor, event.what) for event in events_of(session, campaign.id)]
        lists = [each.slug for each in campaign.lists]
        report, controls = _report(session, campaign), _controls(campaign)
    if as_json:
        events = [{"at": at, "actor": actor, "what": what} for at, actor, what in happened]
        print_json(report.to_json() | {"lists": lists, "events": events} | controls)
        return
    _tell(report)
    say(f"  lists    {', '.join(lists)}")
    for at, actor, what in happened:
        say(f"  {at:%Y-%m-%d %H:%M:%S}  {what}{f' ({actor})' if actor else ''}")


@app.command(epilog="Example: newsletter campaign report letter/67 --json")
def report(ref: str = REF, as_json: bool = JSON) -> None:
    """Print the report, whose equation adds up."""
    with container().reading_sessions() as session:
        numbers = _report(session, _find(session, ref))
    if as_json:
        print_json(numbers.to_json())
    else:
        _tell(numbers)


@app.command(epilog='Example: newsletter campaign pause letter/67 --reason "wrong picture"')
def pause(ref: str = REF, reason: str = typer.Option("", help="Why.")) -> None:
    """Stop before the next message; nothing is lost."""
    from newsletter.db.session import unit_of_work
    from newsletter.delivery.control import campaigns

    parts = container()
    with unit_of_work(parts.sessions) as session:
        campaign = _find(session, ref)
        campaigns.pause(session, campaign, actor=ACTOR, reason=reason, now=parts.clock.now())
        say(f"Campaign {campaign.id} is paused. Go on with: newsletter campaign resume {campaign.id}")


@app.command(epilog="Example: newsletter campaign resume letter/67")
def resume(
    ref: str = REF, reason: str = typer.Option("", help="Why; asked for when the brakes stopped it.")
) -> None:
    """Go on exactly where it stopped."""
    from newsletter.db.session import unit_of_work
    from newsletter.delivery.control import campaigns

    parts = container()
    with unit_of_work(parts.sessions) as session:
        campaign = _find(session, ref)
        campaigns.resume(session, parts.queue, campaign, actor=ACTOR, reason=reason, now=parts.clock.now())
        say(f"Campaign {campaign.id} is sending again.")


@app.command(epilog='Example: newsletter campaign release letter/67 --reason "old list, cleaned"')
def release(ref: str = REF, reason: str = typer.Option(..., help="Why.")) -> None:
    """Say that you looked at a finished campaign whose brakes fired, so that the next one may start."""
    from newsletter.db.session import unit_of_work
    from newsletter.delivery.brakes.braking import release_brakes

    parts = container()
    with unit_of_work(parts.sessions) as session:
        campaign = _find(session, ref)
        release_brakes(session, campaign, actor=ACTOR, reason=reason, now=parts.clock.now())
        say(f"The brakes of campaign {campaign.id} are released.")


@app.command("go-on", epilog="Example: newsletter campaign go-on letter/67")
def go_on(ref: str = REF) -> None:
    """Send the rest of a staged send now, without waiting for its hold."""
    from newsletter.db.session import unit_of_work
    from newsletter.delivery.control import staging

    parts = container()
    with unit_of_work(parts.sessions) as session:
        campaign = _find(session, ref)
        staging.go_on(session, campaign, actor=ACTOR, now=parts.clock.now())
        say(f"The rest of campaign {campaign.id} goes within seconds.")


@app.command(epilog='Example: newsletter campaign cancel letter/67 --reason "wrong issue"')
def cancel(ref: str = REF, reason: str = typer.Option("", help="Why.")) -> None:
    """End for good: who has the issue keeps it, nobody else gets it."""
    from newsletter.db.session import unit_of_work
    from newsletter.delivery.control import campaigns

    parts = container()
    with unit_of_work(parts.sessions) as session:
        campaign = _find(session, ref)
        skipped = campaigns.cancel(session, campaign, actor=ACTOR, reason=reason, now=parts.clock.now())
        say(f"Campaign {campaign.id} is cancelled; {skipped:,} people will not get it.")


@app.command(epilog="Example: newsletter campaign deliveries letter/67 --state failed --json")
def deliveries(
    ref: str = REF,
    state: str = typer.Option("", help="Only this state: sent, failed, suppressed, ambiguous, …"),
    prefix: str = typer.Option("", help="Only addresses that begin so."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object on each line."),
    as_csv: bool = typer.Option(False, "--csv", help="A spreadsheet."),
) -> None:
    """Print one line for each recipient: the proof of who got what."""
    from newsletter.delivery.ledger_export import LedgerFormat
    from newsletter.delivery.reading import ledger_rows, state_of

    if as_json and as_csv:
        fail("Choose one of --json and --csv.")
    parts = container()
    wanted = state_of(state) if state else None
    with parts.reading_sessions() as session:
        rows = ledger_rows(session, _find(session, ref), parts.keyring, state=wanted, prefix=prefix)
        if as_json or as_csv:
            sys.stdout.writelines((LedgerFormat.CSV if as_csv else LedgerFormat.JSON_LINES).lines(rows))
        else:
            _print_rows(rows)


def _print_rows(rows: Iterable[LedgerRow]) -> None:
    for row in rows:
        say(f"{row.address:<40} {row.state:<10} {row.response or ''}")


def _find(session: Session, ref: str) -> Campaign:
    from newsletter.delivery.control.campaigns import find_campaign

    return find_campaign(session, ref)


def _controls(campaign: Campaign) -> dict[str, Any]:
    """Return whether the brakes are on, or stopped it, and the stage that is to come."""
    percent = campaign.stage_percent
    stage = {"percent": percent, "seeds": campaign.stage_seeds.split(), "until": campaign.stage_until}
    return {
        "brakes": {"on": campaign.has_brakes, "stopped_at": campaign.braked_at},
        "stage": stage if percent else None,
    }


def _report(session: Session, campaign: Campaign) -> CampaignReport:
    from newsletter.reporting.campaigns import campaign_report

    return campaign_report(session, campaign)


def _tell(numbers: CampaignReport) -> None:
    from newsletter.cli.issue_sending import describe_report

    for line in describe_report(numbers):
        say(line)


for name, command in campaign_control.COMMANDS.items():
    app.command(name, epilog=campaign_control.EXAMPLES[name])(command)
