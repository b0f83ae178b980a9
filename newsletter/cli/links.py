"""`newsletter links`: what the links of an issue counted, and their repair after sending."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import typer

from newsletter.cli.support import container, print_json, say

app = typer.Typer(no_args_is_help=True, help="Links of sent issues: numbers, repair, undo.")
_LINK = typer.Argument(..., help="The link's number, as 'newsletter links list' shows it.")


@app.command("list", epilog="Example: newsletter links list 12 --json")
def list_links(
    campaign: str = typer.Argument(..., help="The campaign's number."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON alone."),
) -> None:
    """List a campaign's links: people, uncertain, machines, and where each leads."""
    document = _document(campaign)
    if as_json:
        print_json(document)
        return
    say(f"People who followed a link: {document['clicks']['people']:,}")
    for each in document["links"]:
        counts = "  ".join(f"{each['numbers'][word]:>7,}" for word in ("people", "uncertain", "machines"))
        say(
            f"{each['link_id']:>6}  {counts}  {each['target']}{'  (repaired)' if each['is_repaired'] else ''}"
        )
    if not document["links"]:
        say("No links are counted here: see newsletter publication edit --clicks.")


def _document(ref: str) -> dict[str, Any]:
    from newsletter.delivery.control.campaigns import find_campaign
    from newsletter.feedback.engagement import reading

    with container().reading_sessions() as session:
        campaign = find_campaign(session, ref)
        links = reading.link_numbers(session, campaign.id, campaign.issue_id)
        return {
            "campaign": campaign.id,
            "clicks": asdict(reading.click_numbers(session, campaign.id)),
            "opens": asdict(reading.open_numbers(session, campaign.id)),
            "links": [asdict(each) for each in links],
        }


@app.command(epilog="Example: newsletter links repair 31 https://example.com/the-right-page")
def repair(
    link: int = _LINK, target: str = typer.Argument(..., help="The whole address, with https://.")
) -> None:
    """Let a link lead elsewhere, in mail that was sent too; within five seconds everywhere."""
    from newsletter.db.session import unit_of_work
    from newsletter.feedback.engagement.repairing import find_link, repair_link

    parts = container()
    with unit_of_work(parts.sessions) as session:
        found = find_link(session, link)
        before = found.target
        repair_link(session, found, target, actor="command line", now=parts.clock.now())
        say(f"Link {link} leads to {found.target} instead of {before}.")


@app.command(epilog="Example: newsletter links undo 31")
def undo(link: int = _LINK) -> None:
    """Take the last repair of a link back."""
    from newsletter.db.session import unit_of_work
    from newsletter.feedback.engagement.repairing import find_link, undo_repair

    parts = container()
    with unit_of_work(parts.sessions) as session:
        found = find_link(session, link)
        undo_repair(session, found, actor="command line", now=parts.clock.now())
        say(f"Link {link} leads to {found.target} again.")
