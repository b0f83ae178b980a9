"""The issue commands that turn an issue into mail: lint, render, test, send."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from newsletter.cli.rehearsing import rehearse
from newsletter.cli.support import container, fail, note, print_json, say
from newsletter.delivery.states import AmbiguousPolicy

if TYPE_CHECKING:
    from newsletter.delivery.control.stage_plan import Stage
    from newsletter.delivery.rehearsing.copies import Copy

REF = typer.Argument(..., metavar="REF", help="PUBLICATION/NUMBER, like letter/67, or an id.")
AS_JSON = typer.Option(False, "--json", help="Print JSON alone.")


def lint(ref: str = REF, as_json: bool = AS_JSON) -> None:
    """Check an issue; exit 1 when something blocks its sending."""
    from newsletter.delivery.control.preflight import check_snapshot
    from newsletter.issues.service import current_snapshot, find_issue
    from newsletter.rendering.lint import blocking

    parts = container()
    with parts.reading_sessions() as session:
        snapshot = current_snapshot(session, find_issue(session, ref))
        findings = check_snapshot(session, snapshot, base_url=parts.settings.base_url)
    if as_json:
        print_json([finding.to_json() for finding in findings])
    else:
        for finding in findings:
            say(f"{finding.severity:<5} {finding.rule:<24} {finding.where}: {finding.message}")
        say(
            f"{len(findings)} findings, {len(blocking(findings))} of them block."
            if findings
            else "Nothing to mend."
        )
    if blocking(findings):
        raise typer.Exit(1)


def render(
    ref: str = REF,
    html: str = typer.Option("", metavar="FILE", help="Write the HTML here; - is standard output."),
    text: str = typer.Option("", metavar="FILE", help="Write the text part here."),
    eml: str = typer.Option("", metavar="FILE", help="Write the whole message here."),
    reader: str = typer.Option(
        "", "--as", metavar="EMAIL", help="As this subscriber gets it; default: a sample."
    ),
) -> None:
    """Write what a reader would get, byte for byte: HTML, text or the whole message."""
    if not (html or text or eml):
        fail("Say what to write: --html FILE, --text FILE or --eml FILE (- is standard output).")
    copy = _copy(ref, reader)
    message, recipient = copy.message, copy.recipient
    outputs: list[tuple[str, Callable[[], bytes]]] = [
        (html, lambda: message.html_for(recipient).encode()),
        (text, lambda: message.text_for(recipient).encode()),
        (eml, lambda: message.merge(recipient)),
    ]
    for target, make in outputs:
        if target:
            _write(target, make())


def _copy(ref: str, reader: str) -> Copy:
    from newsletter.delivery.rehearsing.copies import copy_of
    from newsletter.issues.service import find_issue

    parts = container()
    with parts.reading_sessions() as session:
        return copy_of(session, find_issue(session, ref), parts.sending.room, reader, now=parts.clock.now())


def _write(target: str, content: bytes) -> None:
    import sys

    if target == "-":
        sys.stdout.buffer.write(content)
        return
    try:
        Path(target).write_bytes(content)
    except OSError as error:
        fail(f"Cannot write {target}: {error.strerror or error}.")
    note(f"Wrote {target} ({len(content):,} bytes).")


def send(
    ref: str = REF,
    lists: list[str] = typer.Option(..., "--list", metavar="LIST", help="A mailing list; may be repeated."),
    at: str = typer.Option("", metavar="ISO8601", help="Send then; without offset by the zone's clocks."),
    zone: str = typer.Option("", metavar="ZONE", help="Zone of --at; default: the publication's."),
    stage: str = typer.Option(
        "", metavar="PERCENT", help="First so many, like 5%; then hold, then the rest."
    ),
    hold: str = typer.Option("30m", metavar="TIME", help="How long the rest waits after the first stage."),
    seeds: list[str] = typer.Option(
        [], "--seed", metavar="ADDRESS", help="Belongs to the first stage; may be repeated."
    ),
    wait: bool = typer.Option(False, "--wait", help="Show progress and end with the report."),
    ambiguous: AmbiguousPolicy = typer.Option(
        "hold", help="What becomes of messages whose fate cannot be known, after half an hour."
    ),
    no_brakes: bool = typer.Option(
        False, "--no-brakes", help="Never stop by itself: for proofs; it is noted in the audit log."
    ),
    request_key: str = typer.Option("", help="The same key never starts a second campaign."),
    as_json: bool = AS_JSON,
) -> None:
    """Send an approved issue to everybody on the lists, each once.

    With --wait: exit 0 when finished, 1 when cancelled or failed, 3 when paused.
    """
    from newsletter.cli.issue_sending import must_work_here, tell_report, wait_for_campaign

    parts = container()
    campaign_id, started = _start(
        ref,
        lists,
        at,
        zone,
        request_key,
        stage=_stage(stage, hold, seeds),
        policy=ambiguous,
        has_brakes=not no_brakes,
    )
    if not wait and (at or not must_work_here(parts)):
        if as_json:
            print_json(started)
        else:
            say(
                f"Campaign {campaign_id} is {started['state']}. Watch it: newsletter campaign show {campaign_id}"
            )
        return
    report = wait_for_campaign(parts, campaign_id)
    tell_report(report, as_json)


def _stage(percent: str, hold: str, seeds: list[str]) -> Stage | None:
    from newsletter.delivery.control.stage_plan import Stage, parse_hold, parse_percent

    if not percent:
        if seeds:
            fail("Seeds belong to a first stage: add --stage 5%.")
        return None
    return Stage(parse_percent(percent), parse_hold(hold), tuple(seeds))


def _start(
    ref: str, lists: list[str], at: str, zone: str, request_key: str, **options: Any
) -> tuple[int, dict[str, Any]]:
    from newsletter.audience.service import find_list
    from newsletter.db.session import unit_of_work
    from newsletter.delivery.control.campaigns import start_campaign
    from newsletter.delivery.control.wall_time import schedule_at
    from newsletter.delivery.instance import must_be_home
    from newsletter.issues.service import SYSTEM, find_issue, ref_of

    parts = container()
    with unit_of_work(parts.sessions) as session:
        must_be_home(session, parts.settings.instance_id)
        issue = find_issue(session, ref)
        campaign = start_campaign(
            session,
            parts.queue,
            issue,
            [find_list(session, slug) for slug in dict.fromkeys(lists)],
            actor=SYSTEM,
            schedule=schedule_at(at, zone or issue.publication.time_zone) if at else None,
            request_key=request_key or None,
            now=parts.clock.now(),
            **options,
        )
        session.flush()
        values = {"campaign": campaign.id, "issue": ref_of(issue), "state": str(campaign.state)}
        return campaign.id, values | {"scheduled_at": campaign.scheduled_at}


COMMANDS: dict[str, Callable[..., None]] = {
    "lint": lint,
    "render": render,
    "send": send,
    "rehearse": rehearse,
}
EXAMPLES = {
    "lint": "Example: newsletter issue lint letter/67 --json",
    "render": "Example: newsletter issue render letter/67 --html issue.html --as reader@example.com",
    "send": "Example: newsletter issue send letter/67 --list readers --wait",
    "rehearse": "Example: newsletter issue rehearse letter/67 --list readers",
}
