"""Bylines and old issues: "Organisation, Tehran, January 14 2020:…" and "… Newsletter No. 67"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from newsletter.content.dates import date_in

_DATE = r"(?:[A-Za-z]{3,9}\.?\s+\d{1,2}(?:st|nd|rd|th)?,?\s+\d{4}|\d{1,2}(?:st|nd|rd|th)?\.?\s+[A-Za-z]{3,9}\.?,?\s+\d{4}|\d{4}[/-]\d{1,2}[/-]\d{1,2})"
_DATELINE = re.compile(
    rf"\s*(?P<names>[^:\n]{{2,200}}?),\s+(?P<date>{_DATE})\s*[:.–—-]\s*(?P<rest>\S.*)?", re.DOTALL
)
_ORGANISATION = re.compile(
    r"\b(?:association|agency|alliance|bureau|center|centre|coalition|college|committee|council|federation|foundation|group|"
    r"institute|network|ngo|office|organi[sz]ation|press|project|society|team|union|university|watch|newsroom|observatory)\b",
    re.IGNORECASE,
)
_PERSON = re.compile(r"[^\W\d_][\w.'’-]*(?:\s+[^\W\d_][\w.'’-]*){1,3}")

_ISSUE = re.compile(
    r"\b(?:newsletter|bulletin|issue|edition|número|numero|nummer|ausgabe|bülten|boletín|خبرنامه|نشریه)\s*"
    r"(?P<mark>no\.?|nr\.?|n[º°o]\.?|№|#|شماره)?\s*(?P<number>\d{1,5})\b|(?:العدد|شماره|גיליון)\s*(?P<other>\d{1,5})",
    re.IGNORECASE,
)
_DIGITS = {
    ord(digit): str(value) for block in ("٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹") for value, digit in enumerate(block)
}


@dataclass(frozen=True, slots=True)
class Dateline:
    """What stands before the first sentence. `sentence` is the text after it, untouched."""

    organisation: str
    person: str
    place: str
    day: date
    sentence: str


def parse_dateline(text: str) -> Dateline | None:
    """Read "Organisation, [Person,] Tehran, January 14 2020: The sentence." or return None."""
    match = _DATELINE.match(text)
    if match is None:
        return None
    try:
        day = date_in(match["date"].replace("-", "/") if match["date"][:4].isdigit() else match["date"])
    except ValueError:
        return None
    if day is None:
        return None
    parts = [part.strip() for part in match["names"].split(",") if part.strip()]
    if not 1 <= len(parts) <= 5:
        return None
    organisation, person, place = _roles(parts)
    return Dateline(organisation, person, place, day, (match["rest"] or "").strip())


def _roles(parts: list[str]) -> tuple[str, str, str]:
    """The first name is the organisation (or the person, when it looks like one), the last the place."""
    if len(parts) == 1:
        return (
            (parts[0], "", "")
            if _ORGANISATION.search(parts[0]) or not _PERSON.fullmatch(parts[0])
            else ("", parts[0], "")
        )
    place = parts[-1]
    names = parts[:-1]
    organisations = [name for name in names if _ORGANISATION.search(name)] or names[:1]
    people = [name for name in names if name not in organisations]
    return ", ".join(organisations), ", ".join(people), place


def kind_of_author(name: str) -> str:
    """Return "organisation" or "person", by the words of the name."""
    return "organisation" if _ORGANISATION.search(name) else "person"


def issue_number(title: str) -> int | None:
    """Return the number of an old issue in a title; a bare year ("Newsletter 2020") is none."""
    match = _ISSUE.search(title.translate(_DIGITS))
    if match is None:
        return None
    number = int(match["number"] or match["other"])
    bare_year = 1900 <= number <= 2099 and match["other"] is None and match["mark"] is None
    return None if bare_year else number
