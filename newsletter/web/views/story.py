"""What happened to an address in one column: what they agreed to, what they were sent, what came back, what stopped it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from newsletter.audience.text import one_line
from newsletter.reporting.timeline import Happening

_MOST: Final = 500
#: Title, look and icon by room and word; `{}` is what it is about.
_LOOKS: Final = {
    ("consent", "subscribe"): ("Asked to join {}", "ok", "mail"),
    ("consent", "confirm"): ("Confirmed {}", "ok", "check"),
    ("consent", "import"): ("Imported into {}", "ok", "down-tray"),
    ("consent", "unsubscribe"): ("Left {}", "warn", "door"),
    ("consent", "undo"): ("Came back to {}", "ok", "undo"),
    ("consent", "change"): ("Changed their details", "", "swap"),
    ("suppression", "suppressed"): ("Suppressed", "bad", "shield"),
    ("suppression", "lifted"): ("Suppression lifted", "ok", "shield"),
    ("delivery", "sent"): ("{} sent", "", "mail"),
    ("delivery", "failed"): ("{} failed", "bad", "stop"),
    ("feedback", "bounced"): ("Mail came back", "bad", "bounce"),
    ("feedback", "rejected"): ("Mail was refused", "bad", "stop"),
    ("feedback", "complained"): ("Complained: marked as spam", "bad", "warn"),
    ("feedback", "unsubscribed"): ("Asked to leave by mail", "warn", "door"),
    ("feedback", "deferred"): ("Mail is delayed", "warn", "clock"),
    ("feedback", "autoresponded"): ("An automatic answer came", "", "mail"),
    ("feedback", "delivered"): ("Mail arrived", "ok", "ok"),
    ("click", "clicked"): ("Followed {}", "ok", "check"),
}
#: For words that have no look of their own.
_OTHERS: Final = {"consent": ("", "dash"), "delivery": ("warn", "dash")}


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened, and through whom. `look` is ok, warn, bad or nothing; `link` leads to the cause."""

    at: datetime
    title: str
    detail: str
    look: str
    icon: str
    link: str = ""
    through: str = ""


def lines_of(happenings: Iterable[Happening]) -> list[Line]:
    """Return what pages show, in the same order."""
    return [_line(one) for one in happenings]


def _line(one: Happening) -> Line:
    look, icon = _OTHERS.get(one.room, ("", "bounce"))
    title, look, icon = _LOOKS.get((one.room, one.what), (_sentence(one), look, icon))
    link = f"/admin/campaigns/{one.campaign_id}" if one.campaign_id else ""
    through = f"by {one.through}" if one.through else ""
    return Line(
        one.at, title.replace("{}", one.about).strip(), one_line(one.detail, _MOST), look, icon, link, through
    )


def _sentence(one: Happening) -> str:
    return f"{{}} {one.what}" if one.room == "delivery" else f"{one.what.capitalize()} {{}}"
