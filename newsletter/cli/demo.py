"""`newsletter demo`: the main job end to end on sample data, in a folder of its own, made anew at each run."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from newsletter.cli.support import fail, note, progress, say

if TYPE_CHECKING:
    from newsletter.bootstrap import Container
    from newsletter.reporting.campaigns import CampaignReport

app = typer.Typer(rich_markup_mode=None, help="The main job, end to end, on sample data.")

PUBLICATION, LIST = "northlight", "readers"
WAIT_SECONDS = 600


@app.command(epilog="Example: newsletter demo --subscribers 1000 --no-serve")
def demo(
    subscribers: int = typer.Option(1000, min=1, max=1_000_000, help="How many sample readers."),
    no_serve: bool = typer.Option(False, "--no-serve", help="Do the job, print the report and exit."),
) -> None:
    """Import, compose, send to sample readers, take the bounces in, report; then serve it to look at.

    Works in NEWSLETTER_DATA_DIR/demo and touches nothing else.
    """
    from newsletter.cli.embedded import data_lock

    parts, folder = _fresh_container()
    with data_lock(folder) as free:
        if not free:
            fail(f"A demo is already running in {folder}: stop it first.")
        _empty(folder)
        _run(parts, subscribers)
        if not no_serve:
            _serve(parts)


def _fresh_container() -> tuple[Container, Path]:
    """Return a container that works in the demo folder, whatever database and broker the environment names."""
    from newsletter.bootstrap import build_container
    from newsletter.settings import load_settings

    usual = load_settings()
    folder = (usual.data_dir / "demo").absolute()
    smtp_url = f"smtp://127.0.0.1:{usual.catcher_port}"
    settings = load_settings(
        data_dir=folder,
        database_url="",
        broker_url="memory://",
        smtp_url=smtp_url,
        bounce_domain="bounces.example.com",
    )
    return build_container(settings), folder


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.name == "up.lock":
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _run(parts: Container, count: int) -> None:
    from newsletter.cli.embedded import catcher, embedded_workers
    from newsletter.cli.system import running_receiver
    from newsletter.db import migrate
    from newsletter.sample import refusal

    migrate.upgrade(parts.engine)
    settings = parts.settings
    with ExitStack() as stack:
        stack.enter_context(catcher(parts, refuse=refusal))
        stack.enter_context(running_receiver(parts, host="127.0.0.1", port=settings.receiver_port))
        stack.enter_context(embedded_workers(parts))
        _compose(parts, count)
        campaign_id = _send(parts, count)
        _return_mail(parts, campaign_id)
        _print_report(parts, campaign_id)


def _compose(parts: Container, count: int) -> None:
    """Gather the bundled feed into Issue No. 1, approve it, and fill the list."""
    from newsletter.content.service import import_document
    from newsletter.content.values import Document
    from newsletter.db.session import unit_of_work
    from newsletter.delivery.control.preflight import approve_checked
    from newsletter.issues import service as issues
    from newsletter.sample import FEED

    now = parts.clock.now()
    with unit_of_work(parts.sessions) as session:
        publication = issues.create_publication(
            session,
            slug=PUBLICATION,
            name="Northlight Letter",
            sender="Northlight Observatory <letter@example.com>",
            postal_address="Northlight Observatory, 1 Hill Road, Exampleton",
            language="en",
        )
        report = import_document(session, Document(raw=FEED.read_bytes(), location=FEED.name), now=now)
        say(f"Imported {report.created} posts from the bundled feed.")
        issue = issues.create_issue(session, publication, unsent=True)
        issues.edit_issue(session, issue, _words(issue.number), actor="demo")
        approve_checked(session, issue, actor="demo", base_url=parts.settings.base_url)
        say(f"Gathered them into Issue No. {issue.number}, checked and approved.")
    _fill_list(parts, count)


def _words(number: int | None) -> dict[str, str]:
    return {
        "subject": f"Northlight Letter No. {number}: the dome turns by itself again",
        "title": "The dome turns by itself again",
        "preheader": "A bearing the size of a coin, a meteor that woke the dog, and Saturn from a balcony.",
        "intro": (
            "Dear {{first_name|reader}},\n\nthe stove is lit, the dome obeys, and the sky has been kind for four "
            "nights in a row. Six stories this time, one of them about a pebble that may lie in **your** field."
        ),
        "outro": "Clear skies, and come by on a Friday.\n\n*Mira, Karim, Hana, Leila and Goran*",
    }


def _fill_list(parts: Container, count: int) -> None:
    from newsletter.audience.csv_import import import_csv
    from newsletter.audience.service import create_list
    from newsletter.db.session import unit_of_work
    from newsletter.issues.service import get_publication
    from newsletter.sample import write_subscribers

    path = parts.settings.data_dir / "readers.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        write_subscribers(file, count)
    with unit_of_work(parts.sessions) as session:
        publication = get_publication(session, PUBLICATION)
        create_list(session, slug=LIST, name="Readers", publication_id=publication.id, optin="double")
    result = import_csv(
        parts.sessions,
        path,
        list_slug=LIST,
        consent="Signed up at the ticket desk.",
        confirmed=True,
        actor="demo",
        clock=parts.clock,
        secret=parts.settings.secret,
    )
    say(f"Imported {result.created:,} subscribers.")


def _send(parts: Container, count: int) -> int:
    from newsletter.audience.service import find_list
    from newsletter.db.session import unit_of_work
    from newsletter.delivery.control.campaigns import start_campaign
    from newsletter.issues.service import find_issue

    with unit_of_work(parts.sessions) as session:
        campaign = start_campaign(
            session,
            parts.queue,
            find_issue(session, f"{PUBLICATION}/1"),
            [find_list(session, LIST)],
            actor="demo",
            now=parts.clock.now(),
        )
        session.flush()
        campaign_id = campaign.id
    with progress("Sending", count) as advance:
        _wait(parts, lambda report: _advance(report, advance), campaign_id)
    return campaign_id


def _advance(report: CampaignReport, advance: Any) -> bool:
    advance(report.sent + report.failed + report.suppressed)
    return report.state in ("finished", "cancelled", "failed", "paused")


def _wait(parts: Container, is_done: Any, campaign_id: int) -> None:
    import time

    end = parts.clock.monotonic() + WAIT_SECONDS
    while not is_done(_report(parts, campaign_id)):
        if parts.clock.monotonic() > end:
            fail(f"The demo did not end within {WAIT_SECONDS // 60} minutes.")
        time.sleep(0.1)


def _report(parts: Container, campaign_id: int) -> CampaignReport:
    from newsletter.delivery.models import Campaign
    from newsletter.reporting.campaigns import campaign_report

    with parts.reading_sessions() as session:
        campaign = session.get_one(Campaign, campaign_id)
        return campaign_report(session, campaign)


def _return_mail(parts: Container, campaign_id: int) -> None:
    """Let the sample mail server bounce some of what it accepted, and wait until that is taken in."""
    from newsletter.cli.simulator import return_some

    returned = return_some(parts)
    before = _report(parts, campaign_id)
    wanted = before.failed + returned

    def taken_in(report: CampaignReport) -> bool:
        return report.hard_bounces + report.soft_bounces >= wanted

    _wait(parts, taken_in, campaign_id)
    say(f"Took in {returned} returned mails.")


def _print_report(parts: Container, campaign_id: int) -> None:
    report = _report(parts, campaign_id)
    say("")
    say(f"Northlight Letter No. 1 is {report.state}.")
    say(f"  {report.equation}")
    say(f"  bounces       {report.hard_bounces} hard, {report.soft_bounces} soft")
    say(f"  suppressed    {_suppressed(parts)} addresses from now on")
    say(f"  speed         {report.messages_per_second or 0:,.0f} messages a second")
    if not report.adds_up:
        fail("The equation does not add up: this is a fault, please report it with the folder of the demo.")


def _suppressed(parts: Container) -> int:
    from sqlalchemy import func, select

    from newsletter.audience.models import Suppression

    with parts.reading_sessions() as session:
        return session.scalar(select(func.count()).where(Suppression.lifted_at.is_(None))) or 0


def _serve(parts: Container) -> None:
    from newsletter.cli.system import serve_everything

    note("Stop with Ctrl-C; the next demo starts from nothing.")
    serve_everything(parts, host="127.0.0.1", port=parts.settings.web_port)
