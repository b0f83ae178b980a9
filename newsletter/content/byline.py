"""Bylines inside a text: "Organisation, Tehran, January 14 2020: The first sentence."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from newsletter.content.dates import date_in

_NTH = r"\d{1,2}(?:st|nd|rd|th)?"
_DATE = (
    rf"(?:[A-Za-z]{{3,9}}\.?\s+{_NTH},?\s+\d{{4}}"
    rf"|{_NTH}\.?\s+[A-Za-z]{{3,9}}\.?,?\s+\d{{4}}"
    r"|\d{4}[/-]\d{1,2}[/-]\d{1,2})"
)
_DATELINE = re.compile(rf"\s*(?P<names>[^:\n]{{2,200}}?),\s+(?P<date>{_DATE})\s*[:.–—-]\s*")
_ORGANISATION = re.compile(
    r"\b(?:association|agency|alliance|bureau|center|centre|coalition|college|committee|council|federation|foundation|"
    r"group|institute|network|ngo|office|organi[sz]ation|press|project|society|team|union|university|watch|newsroom|"
    r"observatory)\b",
    re.IGNORECASE,
)
_PERSON = re.compile(r"[^\W\d_][\w.'’-]*(?:\s+[^\W\d_][\w.'’-]*){1,3}")
MOST_NAMES = 5


@dataclass(frozen=True, slots=True)
class Dateline:
    """What stands before the first sentence. `sentence` is the text after it, untouched."""

    organisation: str
    person: str
    place: str
    day: date
    sentence: str

    def to_json(self) -> dict[str, str]:
        """Return what is stored with a post, whose text keeps the whole line."""
        return {
            "organisation": self.organisation,
            "person": self.person,
            "place": self.place,
            "day": self.day.isoformat(),
        }


def parse_dateline(text: str) -> Dateline | None:
    """Read "Organisation, [Person,] Tehran, January 14 2020: The sentence." or return None."""
    match = _DATELINE.match(text)
    day = date_in(match["date"].replace("-", "/")) if match else None
    if match is None or day is None:
        return None
    names = [name.strip() for name in match["names"].split(",") if name.strip()]
    if not 1 <= len(names) <= MOST_NAMES:
        return None
    organisation, person, place = _roles(names)
    return Dateline(organisation, person, place, day, text[match.end() :])


def _roles(names: list[str]) -> tuple[str, str, str]:
    """Give (organisations, people, place): the last of several names is the place."""
    place = names.pop() if len(names) > 1 else ""
    organisations = [name for name in names if kind_of_author(name) == "organisation"]
    if not organisations and (place or not _PERSON.fullmatch(names[0])):
        organisations = names[:1]
    people = [name for name in names if name not in organisations]
    return ", ".join(organisations), ", ".join(people), place


def kind_of_author(name: str) -> str:
    """Return "organisation" or "person", by the words of the name."""
    return "organisation" if _ORGANISATION.search(name) else "person"
