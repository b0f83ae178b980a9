"""An installation with an approved letter of a given size and a list of readers: what is there before a campaign starts."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.orm import Session

from newsletter.audience.csv_import import import_csv
from newsletter.audience.lists import create_list, find_list
from newsletter.bootstrap import Container
from newsletter.content.service import import_document
from newsletter.content.values import Document
from newsletter.db import migrate
from newsletter.db.session import unit_of_work
from newsletter.delivery.control.campaigns import start_campaign
from newsletter.delivery.control.preflight import approve_checked
from newsletter.delivery.dkim.service import activate_key, create_key
from newsletter.issues import service as issues
from newsletter.issues.snapshot import IssueSnapshot
from newsletter.rendering.values import sample_recipient
from newsletter.sample import FEED

GREETING = "Dear {{first_name|reader}}, welcome."
#: Prose of everyday words, repeated until the message has its size.
PARAGRAPH = (
    "On the hill above the town the reading room is open again, and whoever comes by on a Thursday finds the stove lit, "
    "the papers of the week on the long table, and somebody who knows where the older volumes stand."
)


def make_letter(parts: Container, *, kilobytes: int, dkim: Sequence[str] = ()) -> int:
    """Make the schema, the publication `letter`, its list `readers` and an approved No. 1; return the message's bytes.

    `dkim` names the algorithms it is signed with: rsa, ed25519 or both.
    """
    migrate.upgrade(parts.engine)
    with unit_of_work(parts.sessions) as session:
        publication = issues.create_publication(
            session, slug="letter", name="The Letter", sender="The Letter <letter@example.com>",
            postal_address="1 Hill Road, Exampleton",
        )  # fmt: skip
        import_document(session, Document(raw=FEED.read_bytes(), location=FEED.name), now=parts.clock.now())
        issue = issues.create_issue(session, publication, unsent=True)
        create_list(session, slug="readers", name="Readers", publication_id=publication.id, optin="double")
        size, paragraphs = 0, 0
        while size < kilobytes * 1000:
            intro = "\n\n".join([GREETING, *[PARAGRAPH] * paragraphs])
            issues.edit_issue(session, issue, {"intro": intro}, actor="benchmark")
            size = _message_bytes(parts, issues.take_snapshot(session, issue))
            paragraphs += 1 + max(0, kilobytes * 1000 - size) // 800
        approve_checked(session, issue, actor="benchmark", base_url=parts.settings.base_url)
        for algorithm in dkim:
            _sign_with(parts, session, algorithm)
    return size


def _sign_with(parts: Container, session: Session, algorithm: str) -> None:
    key = create_key(
        session, parts.sealer, "example.com", algorithm, actor="benchmark", now=parts.clock.now()
    )
    activate_key(session, key, actor="benchmark", now=parts.clock.now())


def _message_bytes(parts: Container, snapshot: IssueSnapshot) -> int:
    reader = sample_recipient(snapshot.publication.from_address)
    return len(parts.sending.room.compiled(snapshot, "readers").merge(reader))


def make_readers(parts: Container, count: int, folder: Path) -> None:
    """Import so many confirmed readers into the list."""
    path = folder / "readers.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["email", "name"])
        writer.writerows((f"reader{number}@example.com", f"Zoë Reader{number}") for number in range(count))
    import_csv(
        parts.sessions, path, list_slug="readers", consent="benchmark", confirmed=True, actor="benchmark",
        clock=parts.clock, secret=parts.settings.secret,
    )  # fmt: skip


def start_letter(parts: Container) -> int:
    """Start the campaign of No. 1 to the list and return its id."""
    with unit_of_work(parts.sessions) as session:
        issue, lists = issues.find_issue(session, "letter/1"), [find_list(session, "readers")]
        campaign = start_campaign(
            session, parts.queue, issue, lists, actor="benchmark", now=parts.clock.now()
        )
        session.flush()
        return campaign.id
