"""Reading and writing of the issue commands: ids and dates from people, documents for scripts."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from newsletter.errors import InvalidInput

if TYPE_CHECKING:
    from newsletter.issues.models import Issue


def parse_ids(text: str) -> list[int]:
    """Return the numbers of "3,1,2".

    :raises InvalidInput: when one is no number.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    wrong = [word for word in words if not (word.isascii() and word.isdigit() and len(word) < 18)]
    if wrong:
        raise InvalidInput(f"{wrong[0]!r} is no id of a post: write ids like 3,1,2.")
    return [int(word) for word in words]


def parse_moment(text: str, time_zone: str = "UTC") -> datetime:
    """Return the aware time of an ISO 8601 day or time; without offset it is meant by the publication's clock.

    :raises InvalidInput: when it is neither.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
        if len(text.strip()) <= len("2026-11-25"):
            moment = datetime.combine(date.fromisoformat(text.strip()), time.min)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(time_zone))
        return aware.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput(
            f"{text!r} is no time: write it like 2026-11-25 or 2026-11-25T09:00+01:00."
        ) from None


def summary(issue: Issue) -> dict[str, Any]:
    """Return the short document of an issue; `items` is a count."""
    from newsletter.issues.service import ref_of

    return {
        "id": issue.id,
        "ref": ref_of(issue),
        "number": issue.number,
        "title": issue.title,
        "subject": issue.subject,
        "state": issue.state,
        "version": issue.version,
        "items": sum(len(section.items) for section in issue.sections),
        "published_at": issue.published_at,
    }


def issue_document(issue: Issue) -> dict[str, Any]:
    """Return an issue with everything in it, as a reader would get it now."""
    from dataclasses import asdict

    from newsletter.issues.assemble import snapshot_issue, source_changed

    snapshot = snapshot_issue(issue)
    changed = {item.id for section in issue.sections for item in section.items if source_changed(item)}
    sections = [
        {
            "id": section.section_id,
            "title": section.title,
            "items": [
                {"id": item.item_id, "source_changed": item.item_id in changed}
                | {name: value for name, value in asdict(item).items() if name not in ("item_id", "html")}
                for item in section.items
            ],
        }
        for section in snapshot.sections
    ]
    words = ("preheader", "intro", "outro", "language", "direction", "label")
    return summary(issue) | {
        **{word: getattr(snapshot, word) for word in words},
        "content_hash": snapshot.content_hash(),
        "approved_by": issue.approved_by,
        "approved_at": issue.approved_at,
        "sections": sections,
    }
