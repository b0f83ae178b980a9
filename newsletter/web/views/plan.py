"""What a send would do, before it does: who, how many, and when by which clock."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from newsletter.audience.models import MailingList
from newsletter.audience.selection import count_members
from newsletter.audience.service import list_lists
from newsletter.errors import InvalidInput
from newsletter.issues.models import Issue, Publication


@dataclass(frozen=True, slots=True)
class Choice:
    """A list that could get the issue."""

    list: MailingList
    people: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What pressing the button would do."""

    choices: list[Choice]
    people: int
    at: datetime | None
    given: str
    trouble: str
    zone: str

    @property
    def by_publication(self) -> str:
        """The time by the publication's clock."""
        return f"{self.at.astimezone(ZoneInfo(self.zone)):%A, %-d %B %Y, %H:%M}" if self.at else ""


def make_plan(session: Session, issue: Issue, wanted: Collection[str], given: str, *, now: datetime) -> Plan:
    """Read who the chosen lists hold; a list that is alone is chosen."""
    lists = lists_for(session, issue)
    alone = len(lists) == 1
    choices = [Choice(one, count_members(session, [one.id]), alone or one.slug in wanted) for one in lists]
    at, trouble = _told_moment(given, issue.publication, now)
    people = count_members(session, [choice.list.id for choice in choices if choice.chosen])
    return Plan(choices, people, at, given, trouble, issue.publication.time_zone)


def lists_for(session: Session, issue: Issue) -> list[MailingList]:
    """Return the publication's own lists, and those of no publication."""
    return [one for one in list_lists(session) if one.publication_id in (None, issue.publication_id)]


def _told_moment(given: str, publication: Publication, now: datetime) -> tuple[datetime | None, str]:
    try:
        at = moment_of(given, publication)
    except InvalidInput as error:
        return None, str(error)
    return at, "That time is over: it would be sent at once." if at is not None and at <= now else ""


def moment_of(given: str, publication: Publication) -> datetime | None:
    """Return when to send, from a time by the publication's clock; None is now.

    :raises InvalidInput: for something that is no time, or that the clocks skip.
    """
    if not given:
        return None
    zone = ZoneInfo(publication.time_zone)
    try:
        naive = datetime.fromisoformat(given).replace(tzinfo=None)
        at = naive.replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput("This is no date and time: write it like 2026-12-24T09:00.") from None
    if at.astimezone(zone).replace(tzinfo=None) != naive:
        raise InvalidInput(f"{naive:%H:%M} does not exist that night: the clocks go forward then.")
    return at
