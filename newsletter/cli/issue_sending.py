"""Waiting for a campaign, with progress, and the exit codes that scripts rely on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from newsletter.cli.support import print_json, progress, run_embedded_until, say

if TYPE_CHECKING:
    from newsletter.bootstrap import Container
    from newsletter.reporting.campaigns import CampaignReport

EXIT_CODES = {"finished": 0, "paused": 3}


def must_work_here(parts: Container) -> bool:
    """Say whether nobody else works on this embedded installation, so that this command has to."""
    from newsletter.cli.embedded import data_lock

    if not parts.settings.embedded:
        return False
    with data_lock(parts.settings.data_dir) as free:
        return free


def wait_for_campaign(parts: Container, campaign_id: int) -> CampaignReport:
    """Wait until the campaign has ended or is paused; works meanwhile when nobody else does."""
    report = read_report(parts, campaign_id)
    with progress("Sending", report.audience or _expected(parts, campaign_id)) as advance:

        def has_stopped() -> bool:
            nonlocal report
            report = read_report(parts, campaign_id)
            advance(report.done)
            return report.state in ("finished", "failed") or _has_settled(report)

        run_embedded_until(parts, has_stopped)
    return report


def _has_settled(report: CampaignReport) -> bool:
    """Say whether a stopped campaign's last messages have their answers: the numbers are final then."""
    return report.state in ("cancelled", "paused") and report.in_flight == 0


def _expected(parts: Container, campaign_id: int) -> int:
    """Return how many people a campaign that is not frozen yet will reach, about."""
    from newsletter.audience.selection import count_members
    from newsletter.delivery.models import Campaign

    with parts.reading_sessions() as session:
        lists = session.get_one(Campaign, campaign_id).lists
        return count_members(session, [each.id for each in lists])


def read_report(parts: Container, campaign_id: int) -> CampaignReport:
    """Return the campaign's report as it is now."""
    from newsletter.delivery.models import Campaign
    from newsletter.reporting.campaigns import campaign_report

    with parts.reading_sessions() as session:
        return campaign_report(session, session.get_one(Campaign, campaign_id))


def describe_report(report: CampaignReport) -> list[str]:
    """Return the report as lines for a person."""
    speed = f"{report.messages_per_second:,.0f} messages a second" if report.messages_per_second else "—"
    why = f": {report.reason}" if report.reason else "."
    return [
        f"Campaign {report.campaign} ({report.issue}) is {report.state}{why}",
        f"  {report.equation}",
        f"  bounces  {report.hard_bounces:,} hard, {report.soft_bounces:,} soft",
        f"  left     {report.unsubscribes:,} unsubscribed, {report.complaints:,} complained",
        f"  speed    {speed}",
    ]


def tell_report(report: CampaignReport, as_json: bool) -> None:
    """Print the report and end with the exit code of its state."""
    if as_json:
        print_json(report.to_json())
    else:
        for line in describe_report(report):
            say(line)
    code = EXIT_CODES.get(report.state, 1)
    if code:
        raise typer.Exit(code)
