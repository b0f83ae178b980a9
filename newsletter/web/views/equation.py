"""The equation of a campaign as the page draws it: its terms with their colours, and the bar below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from newsletter.reporting.campaigns import TERMS, CampaignReport

_COLOURS: Final = {
    "sent": "ok",
    "failed": "bad",
    "suppressed": "mid",
    "skipped": "mid",
    "expired": "warn",
    "ambiguous": "unknown",
    "still to go": "idle",
}
_WIDTH: Final = 1000


@dataclass(frozen=True, slots=True)
class Term:
    """One term of the equation; `x` and `width` place it on the bar."""

    name: str
    count: int
    colour: str
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Equation:
    """The right side of the equation, and how far it is."""

    terms: list[Term]
    percent: int

    @property
    def tenth(self) -> int:
        """Return the last full ten percent: what is announced, so that a screen reader is not flooded."""
        return self.percent // 10 * 10


def equation(report: CampaignReport) -> Equation:
    """Return the equation of a report; an open campaign has one more term."""
    counts = {term: int(getattr(report, term)) for term in TERMS}
    if report.open or not report.done:
        counts["still to go"] = report.open
    whole = max(1, sum(counts.values()))
    terms: list[Term] = []
    x = 0.0
    for name, count in counts.items():
        width = round(count / whole * _WIDTH, 1)
        terms.append(Term(name, count, _COLOURS[name], x, width))
        x = round(x + width, 1)
    return Equation(terms, report.done * 100 // whole)
