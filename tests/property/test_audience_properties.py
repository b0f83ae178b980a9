"""Properties of what comes in from people and files."""

from __future__ import annotations

from email.headerregistry import Address as StandardAddress

from hypothesis import example, given
from hypothesis import strategies as st

from newsletter.audience.addresses import normalise
from newsletter.audience.csv_guard import guarded, unguarded
from newsletter.audience.text import one_line
from newsletter.errors import InvalidInput

_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\0", "＝", "＋", "－", "＠")


@given(st.text() | st.text(alphabet="'=+-@ \t\r\0a＝", max_size=8))
@example("'=1")
@example("' =")
def test_a_guarded_cell_is_no_formula_and_comes_back(cell: str) -> None:
    assert not guarded(cell).startswith(_DANGEROUS)
    assert unguarded(guarded(cell)) == cell


@given(st.text(max_size=400) | st.text(alphabet="=?UTF8qb_ \r\nBc:\u2028", max_size=60))
def test_a_line_is_a_line(value: str) -> None:
    clean = one_line(value)
    assert len(clean.splitlines()) <= 1
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in clean)
    assert one_line(clean) == clean


@given(
    st.text(alphabet="abC.+-_'\"<>()@,:;\\ \u00e9=?\r\n\0", max_size=20),
    st.text(alphabet="abC.-_[]1 \u00fc@\r\n", max_size=20),
)
def test_accepted_addresses_mean_one_thing(local: str, domain: str) -> None:
    try:
        address = normalise(f"{local}@{domain}.example")
    except InvalidInput:
        return
    assert address.email.count("@") == 1
    assert normalise(address.email) == address
    assert normalise(address.key).key == address.key
    assert (
        StandardAddress(addr_spec=address.email.encode("ascii", "ignore").decode()).domain == address.domain
    )
