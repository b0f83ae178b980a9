"""Posts that are old issues: "… Newsletter No. 67" in any of the languages we know."""

from __future__ import annotations

import re

_ISSUE = re.compile(
    r"\b(?:newsletter|bulletin|issue|edition|número|numero|nummer|ausgabe|bülten|boletín|خبرنامه|نشریه)\s*"
    r"(?P<mark>no\.?|nr\.?|n[º°o]\.?|№|#|شماره)?\s*(?P<number>\d{1,5})\b|(?:العدد|شماره|גיליון)\s*(?P<other>\d{1,5})\b",
    re.IGNORECASE,
)
_DIGITS = {
    ord(digit): str(value) for block in ("٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹") for value, digit in enumerate(block)
}


def issue_number(title: str) -> int | None:
    """Return the number of an old issue in a title; a bare year ("Newsletter 2020") is none."""
    match = _ISSUE.search(title.translate(_DIGITS))
    if match is None:
        return None
    number = int(match["number"] or match["other"])
    marked = match["mark"] is not None or match["other"] is not None
    return number if marked or not 1900 <= number <= 2099 else None
