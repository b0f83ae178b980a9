"""Words of refusal that concern us, not one person: the providers' own sentences and what they ask for (T1). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

_SUSPEND = re.compile(r"\[?TSS0[4-9]\]?|\[?TS03\]?", re.IGNORECASE)
_SLOW = re.compile(
    r"temporarily (?:deferred|rate.?limited|throttled)|rate.?limited due to|ip reputation|"
    r"unusual rate of|too many (?:messages|connections)|exceeded .{0,30}rate|4\.7\.28|try again later",
    re.IGNORECASE,
)
#: Greylisting is about one letter to one person: it passes by itself.
_GREYLISTING = re.compile(r"gr[ea]y.?list|4\.7\.1 .{0,20}retry in \d+ ?s", re.IGNORECASE)

SUSPENSION = timedelta(hours=2)
SLOWNESS = timedelta(minutes=90)


@dataclass(frozen=True, slots=True)
class Advice:
    """What a reply asks of us: rest altogether, or one message a minute, for so long."""

    rest: timedelta | None = None
    slow: timedelta | None = None


def advice_of(line: str) -> Advice | None:
    """Return what a reply line asks for; None when it says nothing about us."""
    if _GREYLISTING.search(line):
        return None
    if _SUSPEND.search(line):
        return Advice(rest=SUSPENSION)
    return Advice(slow=SLOWNESS) if _SLOW.search(line) else None


def is_reply(why: str) -> bool:
    """Say whether a trouble is a reply of the server, not a silence."""
    return why[:3].isdecimal() and why[:1] in ("4", "5")


def is_about_the_group(why: str) -> bool:
    """Say whether a trouble counts against the group: 421, a hang-up, a timeout; never a person's refusal."""
    return not is_reply(why) or why.startswith("421")
