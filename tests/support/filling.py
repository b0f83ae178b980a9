"""What an editor does before a test begins, done in this process: a command each would cost seconds of imports."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from newsletter.audience.csv_import import import_csv
from newsletter.audience.lists import create_list, find_list
from newsletter.bootstrap import Container, build_container
from newsletter.content.service import import_document
from newsletter.content.values import Document
from newsletter.db import migrate
from newsletter.db.session import unit_of_work
from newsletter.delivery.control.campaigns import start_campaign
from newsletter.delivery.control.preflight import approve_checked
from newsletter.delivery.control.wall_time import Schedule
from newsletter.issues import service as issues
from newsletter.sample import FEED
from newsletter.settings import Settings
from tests.conftest import RecordingQueue
from tests.support.installation import Installation

INTRO = "Dear {{first_name|reader}}, the stove is lit."


def parts_of(place: Installation) -> Container:
    """Return the parts of an installation; jobs are only noted, the sweep of its own processes finds the rows."""
    prefix = "NEWSLETTER_"
    given = {
        name.removeprefix(prefix).lower(): value
        for name, value in place.environment.items()
        if name.startswith(prefix)
    }
    parts = build_container(Settings(_env_file=None, **given), queue=RecordingQueue())  # type: ignore[arg-type]
    migrate.upgrade(parts.engine)
    return parts


def fill_letter(parts: Container, people: Iterable[tuple[str, str]], *, folder: Path, items: int = 6) -> None:
    """Make the publication `letter`, its list `readers` with these people, and an approved No. 1."""
    with unit_of_work(parts.sessions) as session:
        publication = issues.create_publication(
            session,
            slug="letter",
            name="The Letter",
            sender="The Letter <letter@example.com>",
            postal_address="1 Hill Road",
        )
        create_list(session, slug="readers", name="Readers", publication_id=publication.id, optin="double")
        import_document(session, Document(raw=FEED.read_bytes(), location=FEED.name), now=parts.clock.now())
        issue = issues.create_issue(session, publication, unsent=True, limit=items)
        issues.edit_issue(session, issue, {"intro": INTRO}, actor="t")
        approve_checked(session, issue, actor="t", base_url=parts.settings.base_url)
    _subscribe(parts, people, folder / "people.csv")


def _subscribe(parts: Container, people: Iterable[tuple[str, str]], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["email", "name"])
        writer.writerows(people)
    import_csv(
        parts.sessions,
        path,
        list_slug="readers",
        consent="asked at the desk",
        confirmed=True,
        actor="t",
        clock=parts.clock,
        secret=parts.settings.secret,
    )


def start_letter(parts: Container, number: int = 1, schedule: Schedule | None = None) -> int:
    """Start or schedule the campaign of an issue to the list and return its id; whoever works there sends it."""
    with unit_of_work(parts.sessions) as session:
        issue, lists = issues.find_issue(session, f"letter/{number}"), [find_list(session, "readers")]
        campaign = start_campaign(
            session, parts.queue, issue, lists, actor="t", schedule=schedule, now=parts.clock.now()
        )
        session.flush()
        return campaign.id
