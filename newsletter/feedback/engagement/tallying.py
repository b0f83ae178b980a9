"""Clicks, opens and their totals, in a few statements for a batch of verdicts. Called by one transaction at a time."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from newsletter.audience.upsert import among
from newsletter.feedback.engagement.judging import Verdict
from newsletter.feedback.engagement.models import CampaignTotal, Click, LinkTotal, Open

_COLUMNS: Final = {
    Verdict.MACHINE: "machines",
    Verdict.UNCERTAIN: "uncertain",
    Verdict.PERSON: "people",
}


class Judged(NamedTuple):
    """What became of the hits of one delivery on one link (None: the picture)."""

    campaign_id: int
    delivery_id: int
    subscriber_id: int
    link_id: int | None
    first_at: datetime
    last_at: datetime
    hits: int
    verdict: Verdict


def add_judged(session: Session, judged: Sequence[Judged]) -> None:
    """Add verdicts to what is known; better ones take the place of worse ones in the totals."""
    clicks = [each for each in judged if each.link_id is not None]
    opens = [each for each in judged if each.link_id is None]
    if clicks:
        known = _known(session, select(Click.delivery_id, Click.link_id, Click.verdict), Click, clicks)
        _upsert(session, Click, ("delivery_id", "link_id"), [each._asdict() for each in clicks])
        _add_link_totals(session, clicks, known)
        _add_campaign_totals(session, clicks, known, is_opens=False)
    if opens:
        known = _known(session, select(Open.delivery_id, Open.verdict), Open, opens)
        rows = [
            {name: value for name, value in each._asdict().items() if name != "link_id"} for each in opens
        ]
        _upsert(session, Open, ("delivery_id",), rows)
        _add_campaign_totals(session, opens, known, is_opens=True)


Known = dict[tuple[int, int | None], Verdict]


def _known(session: Session, query: Any, model: Any, judged: Sequence[Judged]) -> Known:
    """Return the verdicts that these deliveries have by now, by delivery and link."""
    rows = session.execute(
        query.where(among(session, model.delivery_id, {each.delivery_id for each in judged}))
    )
    return {(row[0], row[1] if len(row) == 3 else None): Verdict(row[-1]) for row in rows}


def _upsert(session: Session, model: Any, unique: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
    """Insert rows; where one exists the best verdict, the latest time and all hits remain."""
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    made: Any = postgresql.insert(model) if is_postgresql else sqlite.insert(model)
    greater = func.greatest if is_postgresql else func.max
    changed = {
        "verdict": greater(model.verdict, made.excluded.verdict),
        "last_at": greater(model.last_at, made.excluded.last_at),
        "hits": model.hits + made.excluded.hits,
    }
    session.execute(made.on_conflict_do_update(index_elements=unique, set_=changed), rows)


def _add_link_totals(session: Session, clicks: Sequence[Judged], known: Known) -> None:
    moves: dict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
    for each in clicks:
        before = known.get((each.delivery_id, each.link_id))
        _move(moves[each.campaign_id, each.link_id], before, each.verdict)
    _add(session, LinkTotal, ("campaign_id", "link_id"), moves)


def _add_campaign_totals(session: Session, judged: Sequence[Judged], known: Known, *, is_opens: bool) -> None:
    """Each delivery counts once, whatever number of links it followed."""
    before: dict[int, Verdict] = {}
    for (delivery_id, _), verdict in known.items():
        before[delivery_id] = max(verdict, before.get(delivery_id, verdict))
    after: dict[int, Judged] = {}
    for each in judged:
        after[each.delivery_id] = max(each, after.get(each.delivery_id, each), key=lambda one: one.verdict)
    moves: dict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
    for delivery_id, best in after.items():
        _move(moves[best.campaign_id, is_opens], before.get(delivery_id), best.verdict)
    _add(session, CampaignTotal, ("campaign_id", "is_opens"), moves)


def _move(counter: Counter[str], before: Verdict | None, verdict: Verdict) -> None:
    """Note that a delivery counts under another verdict now, or for the first time."""
    if before is not None and before >= verdict:
        return
    counter[_COLUMNS[verdict]] += 1
    if before is not None:
        counter[_COLUMNS[before]] -= 1


def _add(
    session: Session, model: Any, unique: tuple[str, str], moves: Mapping[tuple[Any, ...], Counter[str]]
) -> None:
    rows = [
        dict(zip(unique, key, strict=True)) | {name: counter[name] for name in _COLUMNS.values()}
        for key, counter in sorted(moves.items())
        if any(counter.values())
    ]
    if not rows:
        return
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    made: Any = insert(model)
    changed = {name: getattr(model, name) + made.excluded[name] for name in _COLUMNS.values()}
    session.execute(made.on_conflict_do_update(index_elements=unique, set_=changed), rows)
