"""A person's decisions about a campaign: another time, trying again, and messages whose fate is unknown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from newsletter.cli.support import container, fail, print_json, print_json_line, say
from newsletter.delivery.states import AmbiguousPolicy, Resolution, Unreached

if TYPE_CHECKING:
    from newsletter.delivery.reading import LedgerRow

REF = typer.Argument(..., help="The campaign's id, or P/67 for the newest of that issue.")
JSON = typer.Option(False, "--json", help="Print JSON alone.")
ACTOR = "system"


def schedule(
    ref: str = REF,
    at: str = typer.Option(..., metavar="ISO8601", help="When; without offset by the zone's clocks."),
    zone: str = typer.Option("", metavar="ZONE", help="Default: the publication's."),
) -> None:
    """Move a scheduled campaign, or one that was held because its time was missed."""
    from newsletter.db.session import unit_of_work
    from newsletter.delivery.control import campaigns
    from newsletter.delivery.control.campaigns import find_campaign
    from newsletter.delivery.control.wall_time import schedule_at

    parts = container()
    with unit_of_work(parts.sessions) as session:
        campaign = find_campaign(session, ref)
        wanted = schedule_at(at, zone or campaign.issue.publication.time_zone)
        campaigns.reschedule(session, campaign, wanted, actor=ACTOR, now=parts.clock.now())
        say(f"Campaign {campaign.id} is sent at {wanted.at:%Y-%m-%d %H:%M} UTC. {wanted.notice}".rstrip())


def unschedule(ref: str = REF) -> None:
    """Take a schedule back before it begins; the issue stays approved and can be sent anew."""
    from newsletter.db.session import unit_of_work
    from newsletter.delivery.control import campaigns
    from newsletter.delivery.control.campaigns import find_campaign

    parts = container()
    with unit_of_work(parts.sessions) as session:
        campaign = find_campaign(session, ref)
        campaigns.unschedule(session, campaign, actor=ACTOR, now=parts.clock.now())
        say(f"Campaign {campaign.id} is taken back; nobody gets it.")


def retry(
    ref: str = REF,
    reason: Unreached = typer.Option(
        "all", help="Whom: those whose server refused for now, those whose time ran out, or all."
    ),
    why: str = typer.Option("", help="Why now; stays with the campaign."),
    as_json: bool = JSON,
) -> None:
    """Send again to those who failed softly or expired; never to dead or suppressed addresses."""
    from newsletter.db.session import unit_of_work
    from newsletter.delivery.control.again import retry_campaign
    from newsletter.delivery.control.campaigns import find_campaign
    from newsletter.delivery.instance import must_be_home

    parts = container()
    with unit_of_work(parts.sessions) as session:
        must_be_home(session, parts.settings.instance_id)
        first, now = find_campaign(session, ref), parts.clock.now()
        made = retry_campaign(session, parts.queue, first, reason, actor=ACTOR, why=why, now=now).id
    if as_json:
        print_json({"campaign": made, "retry_of": first.id})
    else:
        say(f"Campaign {made} tries them again. Watch it: newsletter campaign show {made}")


def ambiguous(
    ref: str = REF,
    addresses: list[str] = typer.Argument(
        None, metavar="[ADDRESS]...", help="Which messages to decide about."
    ),
    policy: AmbiguousPolicy | None = typer.Option(None, help="What becomes of them after half an hour."),
    resolve: Resolution | None = typer.Option(None, help="Decide about the addresses, or --all."),
    everybody: bool = typer.Option(False, "--all", help="All of them."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object on each line."),
) -> None:
    """List messages whose fate is unknown, or decide about them; `unknown` takes back `sent`."""
    from newsletter.db.session import unit_of_work
    from newsletter.delivery.control import ambiguity
    from newsletter.delivery.control.campaigns import find_campaign
    from newsletter.delivery.reading import ledger_rows
    from newsletter.delivery.states import DeliveryState

    parts = container()
    if resolve and everybody == bool(addresses):
        fail("Say which: one or more addresses, or --all.")
    with unit_of_work(parts.sessions) as session:
        campaign, now = find_campaign(session, ref), parts.clock.now()
        if policy:
            ambiguity.set_policy(session, campaign, policy, actor=ACTOR, now=now)
            say(f"Campaign {campaign.id}: {policy.value}.")
        if resolve:
            among = None if everybody else addresses
            count = ambiguity.resolve(
                session, parts.queue, campaign, resolve, addresses=among, actor=ACTOR, now=now
            )
            say(f"{count:,} resolved.")
        if not policy and not resolve:
            for row in ledger_rows(session, campaign, parts.keyring, state=DeliveryState.AMBIGUOUS):
                _print_unknown(row, as_json)


def _print_unknown(row: LedgerRow, as_json: bool) -> None:
    if as_json:
        print_json_line(asdict(row))
    else:
        say(
            f"{row.address:<40} {f'{row.sent_at:%Y-%m-%d %H:%M:%S}' if row.sent_at else '':<19} {row.message_id} {row.response or ''}"
        )


COMMANDS: dict[str, Callable[..., None]] = {
    "schedule": schedule,
    "unschedule": unschedule,
    "retry": retry,
    "ambiguous": ambiguous,
}
EXAMPLES = {
    "schedule": 'Example: newsletter campaign schedule letter/67 --at "2027-03-28 09:00" --zone Europe/Berlin',
    "unschedule": "Example: newsletter campaign unschedule letter/67",
    "retry": 'Example: newsletter campaign retry letter/67 --reason soft --why "their server is back"',
    "ambiguous": "Example: newsletter campaign ambiguous letter/67 --resolve sent reader@example.com",
}
