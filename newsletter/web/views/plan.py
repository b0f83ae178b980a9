"""What a send would do, before it does: who, how many, and when by which clock."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from newsletter.audience.models import MailingList
from newsletter.audience.selection import count_members
from newsletter.audience.service import list_lists
from newsletter.delivery.control.stage_plan import Stage, parse_hold, parse_percent
from newsletter.delivery.control.wall_time import Schedule, schedule_at
from newsletter.delivery.models import Campaign
from newsletter.errors import InvalidInput
from newsletter.issues.models import Issue, Publication

_LONG: Final = "%A, %-d %B %Y, %H:%M"


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
    notice: str = ""

    @property
    def by_publication(self) -> str:
        """The time by the publication's clock."""
        return f"{self.at.astimezone(ZoneInfo(self.zone)):{_LONG}}" if self.at else ""


@dataclass(frozen=True, slots=True)
class Planned:
    """When a scheduled campaign begins: the instant, the clock of its zone, and what the clocks do that day."""

    at: datetime
    by_zone: str
    zone: str
    notice: str


def make_plan(session: Session, issue: Issue, wanted: Collection[str], given: str, *, now: datetime) -> Plan:
    """Read who the chosen lists hold; a list that is alone is chosen."""
    lists = lists_for(session, issue)
    alone = len(lists) == 1
    choices = [Choice(one, count_members(session, [one.id]), alone or one.slug in wanted) for one in lists]
    planned, trouble = _told_moment(given, issue.publication, now)
    people = count_members(session, [choice.list.id for choice in choices if choice.chosen])
    at, notice = (planned.at, planned.notice) if planned else (None, "")
    return Plan(choices, people, at, given, trouble, issue.publication.time_zone, notice)


def lists_for(session: Session, issue: Issue) -> list[MailingList]:
    """Return the publication's own lists, and those of no publication."""
    return [one for one in list_lists(session) if one.publication_id in (None, issue.publication_id)]


def _told_moment(given: str, publication: Publication, now: datetime) -> tuple[Schedule | None, str]:
    try:
        planned = moment_of(given, publication)
    except InvalidInput as error:
        return None, str(error)
    is_over = planned is not None and planned.at <= now
    return planned, "That time is over: it would be refused." if is_over else ""


def moment_of(given: str, publication: Publication) -> Schedule | None:
    """Return when to send, from a time by the publication's clock; None is now.

    :raises InvalidInput: for something that is no time.
    """
    return schedule_at(given, publication.time_zone) if given else None


def planned_of(campaign: Campaign) -> Planned | None:
    """Return what the page of a scheduled campaign shows by three clocks."""
    if campaign.scheduled_at is None or campaign.frozen_at is not None:
        return None
    wall = datetime.fromisoformat(campaign.wall_time) if campaign.wall_time else None
    zone = campaign.wall_zone or campaign.issue.publication.time_zone
    schedule = Schedule(campaign.scheduled_at, wall, campaign.wall_zone)
    return Planned(schedule.at, f"{schedule.at.astimezone(ZoneInfo(zone)):{_LONG}}", zone, schedule.notice)


def stage_of(percent: str, hold: str, seeds: str) -> Stage | None:
    """Return the first stage that the form asks for; an empty share is none.

    :raises InvalidInput: for words that are none.
    """
    if not percent:
        if seeds.strip():
            raise InvalidInput("Seeds belong to a first stage: say how many per cent follow them.")
        return None
    words = seeds.replace(",", " ").split()
    return Stage(parse_percent(percent), parse_hold(hold or "30m"), tuple(words))
