"""What counted links cost the merge: the same issue, without and with them, in one run."""

from __future__ import annotations

import time
from dataclasses import replace

from newsletter.rendering.message import CompiledMessage
from newsletter.rendering.pipeline import compiled_issue
from newsletter.rendering.tokens import Keyring
from newsletter.rendering.values import Recipient, Tracking
from tests.support.messages import BASE_URL, recipient
from tests.support.snapshots import item, snapshot

ITEMS, BATCH, ROUNDS = 12, 1000, 15
_RING = Keyring(b"a secret of the benchmark alone")


def merge_costs() -> dict[str, float]:
    """Return µs a message, the best of some rounds that take turns: off, counted but not this reader, counted."""
    items = [
        item(
            number,
            display="full",
            html=f'<p>See <a href="https://harbour.example/log/{number}">it</a>.</p>' * 2,
        )
        for number in range(1, ITEMS + 1)
    ]
    off, on = (
        snapshot(*items),
        snapshot(*items, publication_click_counting="all", publication_open_counting="asked"),
    )
    plain, counted = (compiled_issue(each, BASE_URL, "r", "", None, _RING.links) for each in (off, on))
    reader = recipient(token=_RING.recipient.sign(77))
    cases = {
        "nobody is counted": (plain, reader),
        "this reader is not": (counted, reader),
        f"{len(counted.links)} links are counted": (counted, replace(reader, tracking=Tracking(clicks=True))),
        "and the picture": (counted, replace(reader, tracking=Tracking(clicks=True, opens=True))),
    }
    best = dict.fromkeys(cases, float("inf"))
    for _ in range(ROUNDS):
        for name, (message, person) in cases.items():
            best[name] = min(best[name], _microseconds(message, person))
    return best


def _microseconds(message: CompiledMessage, reader: Recipient) -> float:
    began = time.perf_counter()
    for _ in range(BATCH):
        message.merge(reader)
    return (time.perf_counter() - began) / BATCH * 1e6
