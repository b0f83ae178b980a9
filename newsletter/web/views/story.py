"""One person's story in one column: what they agreed to, what they were sent, what came back, what stopped it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from newsletter.audience.history import HistoryEntry
from newsletter.audience.text import one_line
from newsletter.delivery.states import DeliveryState
from newsletter.feedback.models import FeedbackEntry
from newsletter.issues.models import Issue
from newsletter.web.queries.people import SentMail

_MOST: Final = 500
_CONSENTS: Final = {
    "subscribe": ("Asked to join {}", "ok", "mail"),
    "confirm": ("Confirmed {}", "ok", "check"),
    "import": ("Imported into {}", "ok", "down-tray"),
    "unsubscribe": ("Left {}", "warn", "door"),
    "undo": ("Came back to {}", "ok", "undo"),
    "change": ("Changed their details", "", "swap"),
    "suppressed": ("Suppressed", "bad", "shield"),
    "lifted": ("Suppression lifted", "ok", "shield"),
}
_RETURNS: Final = {
    "bounced": ("Mail came back", "bad", "bounce"),
    "rejected": ("Mail was refused", "bad", "stop"),
    "complained": ("Complained: marked as spam", "bad", "warn"),
    "unsubscribed": ("Asked to leave by mail", "warn", "door"),
    "deferred": ("Mail is delayed", "warn", "clock"),
    "autoresponded": ("An automatic answer came", "", "mail"),
}
_SENT: Final = {DeliveryState.SENT: ("", "mail"), DeliveryState.FAILED: ("bad", "stop")}


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


def story(
    entries: Iterable[HistoryEntry], mails: Iterable[SentMail], feedback: Iterable[FeedbackEntry]
) -> list[Line]:
    """Return everything together, newest first."""
    lines = [_consent(one) for one in entries]
    lines += [_mail(one) for one in mails if one.delivery.sent_at or one.campaign.ended_at]
    lines += [_return(one) for one in feedback]
    return sorted(lines, key=lambda line: line.at, reverse=True)


def _consent(entry: HistoryEntry) -> Line:
    title, look, icon = _CONSENTS.get(entry.what, (entry.what.capitalize() + " {}", "", "dash"))
    detail = entry.detail.replace("_", " ", 1) if entry.what == "suppressed" else entry.detail
    through = [f"by {entry.source}" if entry.source else "", f"from {entry.ip}" if entry.ip else ""]
    return Line(
        entry.at, title.replace("{}", entry.list_name).strip(), one_line(detail, _MOST), look, icon,
        through=", ".join(part for part in through if part),
    )  # fmt: skip


def _mail(mail: SentMail) -> Line:
    state = DeliveryState(mail.delivery.state)
    look, icon = _SENT.get(state, ("warn", "dash"))
    at = mail.delivery.sent_at or mail.campaign.ended_at or mail.campaign.created_at
    detail = one_line(mail.delivery.response or (mail.delivery.reason or "").replace("_", " "), _MOST)
    return Line(
        at, f"{issue_name(mail.campaign.issue)} {state.word}", detail, look, icon,
        link=f"/admin/campaigns/{mail.campaign.id}",
    )  # fmt: skip


def issue_name(issue: Issue) -> str:
    """Return how people call an issue."""
    return issue.label or (f"No. {issue.number}" if issue.number is not None else issue.title)


def _return(entry: FeedbackEntry) -> Line:
    title, look, icon = _RETURNS.get(entry.word, (entry.word.capitalize(), "", "bounce"))
    kind = f"{entry.kind}, " if entry.kind else ""
    reason = entry.reason.replace("_", " ")
    said = (f"{kind}{reason}.", entry.status or "", one_line(entry.diagnostic, _MOST))
    detail = " ".join(part for part in said if part)
    link = f"/admin/campaigns/{entry.campaign_id}" if entry.campaign_id else ""
    return Line(entry.at, title, detail, look, icon, link)
