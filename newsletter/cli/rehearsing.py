"""`newsletter issue rehearse`: everybody's message is written, none is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from newsletter.cli.support import container, fail, print_json, say

if TYPE_CHECKING:
    from newsletter.delivery.rehearsing.stage import Rehearsal

REF = typer.Argument(..., metavar="REF", help="PUBLICATION/NUMBER, like letter/67, or an id.")
JSON = typer.Option(False, "--json", help="Print JSON alone.")


def rehearse(
    ref: str = REF,
    lists: list[str] = typer.Option([], "--list", metavar="LIST", help="A mailing list; may be repeated."),
    campaign: str = typer.Option(
        "", metavar="CAMPAIGN", help="Instead of lists: over the frozen rows of a campaign of this issue."
    ),
    expect: str = typer.Option("", metavar="HASH", help="Exit 1 unless the hash is this one."),
    as_json: bool = JSON,
) -> None:
    """Write the message of everybody and send none; exit 1 when one cannot be written."""
    found = _of_campaign(campaign) if campaign else _of_lists(ref, lists)
    if as_json:
        print_json(found.to_json())
    else:
        _tell(found)
    if expect and expect != found.hash:
        fail("The hash is another one: text, readers or their names have changed since.")
    if found.failed:
        raise typer.Exit(1)


def _of_lists(ref: str, lists: list[str]) -> Rehearsal:
    from newsletter.audience.service import find_list
    from newsletter.db.session import unit_of_work
    from newsletter.delivery.rehearsing.book import keep
    from newsletter.delivery.rehearsing.rehearsal import rehearse as perform
    from newsletter.issues.service import SYSTEM, find_issue

    parts = container()
    with parts.reading_sessions() as session:
        issue, chosen = find_issue(session, ref), [find_list(session, slug) for slug in dict.fromkeys(lists)]
        began, found = parts.clock.now(), perform(session, issue, chosen, parts.sending.room)
    with unit_of_work(parts.sessions) as session:
        keep(session, issue, chosen, found, actor=SYSTEM, now=began)
    return found


def _of_campaign(ref: str) -> Rehearsal:
    from newsletter.delivery.control.campaigns import find_campaign
    from newsletter.delivery.rehearsing.rehearsal import rehearsal_of

    parts = container()
    with parts.reading_sessions() as session:
        return rehearsal_of(session, find_campaign(session, ref), parts.sending.room)


def _tell(found: Rehearsal) -> None:
    say(f"people    {found.people:,}, {found.suppressed:,} of them suppressed")
    say(f"size      {found.total_bytes:,} bytes, largest {found.largest_bytes:,} ({found.largest or '-'})")
    say(f"seconds   {found.seconds:.2f}")
    say(f"slowest   {found.slowest_seconds * 1000:.2f} ms ({found.slowest or '-'})")
    say(f"failures  {found.failed:,}")
    for address, why in found.failures:
        say(f"  {address}: {why}")
    say(f"hash      {found.hash}")
