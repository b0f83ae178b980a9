"""A campaign's cells as tables: by provider, by reason, and both together. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from newsletter.delivery.states import DeliveryState
from newsletter.reporting.cells import OTHERS, LedgerCell, Pace, ReturnedCell, Totals
from newsletter.reporting.tables import Table, Value, columns

_SENT: Final = int(DeliveryState.SENT)


@dataclass(slots=True)
class _Share:
    """What became of the mail of one destination group."""

    people: int = 0
    sent: int = 0
    refused: int = 0
    returned: int = 0
    hard: int = 0
    soft: int = 0
    open: int = 0


@dataclass(slots=True)
class _Why:
    """Bounces of one kind for one reason: refused at once, or returned later."""

    refused: int = 0
    returned: int = 0

    @property
    def together(self) -> int:
        return self.refused + self.returned


@dataclass(slots=True)
class _Bounces:
    by_key: defaultdict[tuple[str, ...], _Why] = field(default_factory=lambda: defaultdict(_Why))

    def rows(self) -> list[tuple[Value, ...]]:
        """Return key, refused, returned and both together, the most frequent first."""
        ranked = sorted(self.by_key.items(), key=lambda item: (-item[1].together, item[0]))
        return [(*key, why.refused, why.returned, why.together) for key, why in ranked]


def within(ledger: Iterable[LedgerCell], returned: Iterable[ReturnedCell]) -> list[ReturnedCell]:
    """Return what came back under the groups that the ledger names; both kept their largest ones by themselves."""
    known = {cell.group for cell in ledger}
    return [cell if cell.group in known else cell._replace(group=OTHERS) for cell in returned]


def state_table(totals: Totals) -> Table:
    """Return the right side of the equation and what is still open."""
    rows = [(state.word, totals.states.get(state, 0)) for state in DeliveryState]
    return Table("states", "Deliveries by state", columns(state="State", mails="Mails"), rows)


def provider_table(ledger: Iterable[LedgerCell], returned: Iterable[ReturnedCell]) -> Table:
    """Return what became of the mail of each destination group, the largest first."""
    shares: defaultdict[str, _Share] = defaultdict(_Share)
    for cell in ledger:
        _add(shares[cell.group], cell)
    for back in returned:
        share = shares[back.group]
        share.returned += back.mails
        _add_kind(share, back.kind, back.mails)
    ranked = sorted(shares.items(), key=lambda item: (item[0] == OTHERS, -item[1].people, item[0]))
    return Table(
        "providers",
        "By mail provider",
        columns(
            provider="Provider", people="People", sent="Sent", open="Still to go", refused="Refused",
            returned="Came back", hard_bounces="Hard", soft_bounces="Soft",
        ),
        [(name, one.people, one.sent, one.open, one.refused, one.returned, one.hard, one.soft) for name, one in ranked],
    )  # fmt: skip


def _add(share: _Share, cell: LedgerCell) -> None:
    share.people += cell.mails
    share.sent += cell.mails if cell.state == _SENT else 0
    share.open += cell.mails if cell.state < _SENT else 0
    if cell.kind:
        share.refused += cell.mails
        _add_kind(share, cell.kind, cell.mails)


def _add_kind(share: _Share, kind: str, mails: int) -> None:
    if kind == "hard":
        share.hard += mails
    else:
        share.soft += mails


def reason_table(ledger: Iterable[LedgerCell], returned: Iterable[ReturnedCell]) -> Table:
    """Return the bounces by reason and kind, the most frequent first."""
    found = _Bounces()
    for cell in _refusals(ledger):
        found.by_key[cell.reason or "unknown", cell.kind].refused += cell.mails
    for back in returned:
        found.by_key[back.reason, back.kind].returned += back.mails
    labels = columns(
        reason="Reason", kind="Kind", refused="Refused", returned="Came back", bounces="Together"
    )
    return Table("bounces", "Bounces by reason", labels, found.rows())


def bounce_table(ledger: Iterable[LedgerCell], returned: Iterable[ReturnedCell]) -> Table:
    """Return the bounces by provider, reason and kind, the most frequent first."""
    found = _Bounces()
    for cell in _refusals(ledger):
        found.by_key[cell.group, cell.reason or "unknown", cell.kind].refused += cell.mails
    for back in returned:
        found.by_key[back.group, back.reason, back.kind].returned += back.mails
    labels = columns(
        provider="Provider", reason="Reason", kind="Kind", refused="Refused", returned="Came back", bounces="Together"
    )  # fmt: skip
    return Table("bounces-by-provider", "Bounces by provider and reason", labels, found.rows())


def _refusals(ledger: Iterable[LedgerCell]) -> Iterable[LedgerCell]:
    return (cell for cell in ledger if cell.kind)


def failure_table(ledger: Iterable[LedgerCell]) -> Table:
    """Return why rows ended otherwise than sent: failed, suppressed, skipped, expired, by reason."""
    found: Counter[tuple[str, str]] = Counter()
    for cell in ledger:
        if cell.state > _SENT:
            found[DeliveryState(cell.state).word, cell.reason] += cell.mails
    rows = [(state, reason, mails) for (state, reason), mails in found.most_common()]
    labels = columns(state="State", reason="Reason", mails="Mails")
    return Table("not-sent", "Why it was not sent", labels, rows)


def failed_table(ledger: Iterable[LedgerCell]) -> Table:
    """Return the deliveries that failed, by reason and kind; one without a kind was nobody's refusal."""
    found: Counter[tuple[str, str]] = Counter()
    for cell in ledger:
        if cell.state == DeliveryState.FAILED:
            found[cell.reason or "no reason given", cell.kind] += cell.mails
    rows = [(reason, kind, mails) for (reason, kind), mails in found.most_common()]
    return Table("failed", "Refused, by reason", columns(reason="Reason", kind="Kind", mails="Mails"), rows)


def pace_table(paces: Iterable[Pace]) -> Table:
    """Return how fast it went."""
    labels = columns(at="From", accepted="Accepted", per_second="A second")
    rows = [(pace.at, pace.accepted, round(pace.per_second, 1)) for pace in paces]
    return Table("speed", "Messages a second", labels, rows)
