"""A hash over many items in any order and any chunks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from newsletter.delivery.rehearsing.multiset import MultisetHash

ITEMS = st.lists(st.binary(max_size=40), max_size=30)


def over(items: list[bytes], begun: MultisetHash | None = None) -> MultisetHash:
    found = begun or MultisetHash()
    for item in items:
        found.add(item)
    return found


@given(ITEMS, st.randoms(), st.integers(0, 30))
def test_order_and_chunks_do_not_matter(items: list[bytes], random: object, cut: int) -> None:
    shuffled = list(items)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    first = MultisetHash.from_state(over(shuffled[:cut]).state)
    assert over(shuffled[cut:], first).hex == over(items).hex


@given(ITEMS, st.binary(max_size=40))
def test_one_more_item_is_seen(items: list[bytes], another: bytes) -> None:
    assert over([*items, another]).hex != over(items).hex


def test_nothing_has_a_hash_too() -> None:
    assert MultisetHash.from_state("").hex == MultisetHash().hex
    assert len(MultisetHash().hex) == 64
