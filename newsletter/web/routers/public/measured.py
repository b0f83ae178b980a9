"""The switches of the preferences page: whether a person's clicks and opens are counted (C5)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.datastructures import FormData

from newsletter.audience.consent import Evidence
from newsletter.audience.tracking import Choices, choices_of
from newsletter.feedback.engagement.choosing import choose
from newsletter.issues.measuring import Counting, is_counted
from newsletter.issues.models import Publication
from newsletter.web.routers.public.reader import Reader

WORDINGS: Final = {
    "clicks": "Count which links I follow",
    "opens": "Count whether I open an issue",
}
_HINTS: Final = {
    "clicks": "Shows the editors what is read. Links then lead through this site.",
    "opens": "A picture of one dot in each mail asks for itself when the mail is shown.",
}


@dataclass(frozen=True, slots=True)
class Switch:
    """One thing that can be counted, and whether it is."""

    what: str
    wording: str
    hint: str
    is_counted: bool


def measured(session: Session, reader: Reader) -> list[Switch]:
    """Return a switch for what may be counted of this person: what a publication of theirs counts, or they agreed to."""
    choices = choices_of(session, reader.person.id)
    found = []
    for what, rule in _rules(session, reader).items():
        choice: bool | None = getattr(choices, what)
        if rule != Counting.OFF or choice:
            found.append(Switch(what, WORDINGS[what], _HINTS[what], _is_on(rule, choice)))
    return found


def _is_on(rule: Counting, choice: bool | None) -> bool:
    return bool(choice) if rule is Counting.OFF else is_counted(rule, choice)


def _rules(session: Session, reader: Reader) -> dict[str, Counting]:
    """Return the rule that counts most: of the mail's publication, or of any where the link was sent on request."""
    query = select(Publication.click_counting, Publication.open_counting)
    if reader.publication is not None:
        query = query.where(Publication.id == reader.publication.id)
    rows = session.execute(query).all()
    return {
        "clicks": _widest([row.click_counting for row in rows]),
        "opens": _widest([row.open_counting for row in rows]),
    }


def _widest(rules: list[str]) -> Counting:
    return next((each for each in (Counting.ALL, Counting.ASKED) if each in rules), Counting.OFF)


def save_measured(
    session: Session, reader: Reader, form: FormData, evidence: Evidence, now: datetime
) -> bool:
    """Store the switches that were moved; who moved none has chosen nothing. Returns whether anything changed."""
    asked, ticked = form.getlist("asked"), form.getlist("counted")
    changed = False
    for switch in measured(session, reader):
        wanted = switch.what in ticked
        if switch.what not in asked or wanted == switch.is_counted:
            continue
        choice = Choices(clicks=wanted) if switch.what == "clicks" else Choices(opens=wanted)
        said = replace(evidence, wording=switch.wording)
        changed |= choose(session, reader.person.id, choice, evidence=said, now=now)
    return changed
