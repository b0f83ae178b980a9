"""Sealed values: they open with the same secret for the same row, and never otherwise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.errors import ConfigurationError
from newsletter.sealing import Sealer

SEALER = Sealer(b"a secret for tests, long enough")


@given(st.binary(max_size=300), st.text(max_size=60))
def test_round_trip(value: bytes, about: str) -> None:
    sealed = SEALER.seal(value, about)
    assert SEALER.open(sealed, about) == value
    assert len(value) < 4 or value not in sealed
    assert SEALER.seal(value, about) != sealed


@pytest.mark.parametrize("changed", [b"", b"\x01", b"\x02" + b"x" * 40, b"\x01" + b"x" * 40])
def test_what_was_not_sealed_here_is_refused(changed: bytes) -> None:
    with pytest.raises(ConfigurationError, match="another secret"):
        SEALER.open(changed, "relay/post")


def test_another_row_or_secret_is_refused() -> None:
    sealed = SEALER.seal(b"open sesame", "relay/post")
    with pytest.raises(ConfigurationError, match="relay/other"):
        SEALER.open(sealed, "relay/other")
    with pytest.raises(ConfigurationError, match="NEWSLETTER_SECRET_KEY"):
        Sealer(b"another secret, long enough too").open(sealed, "relay/post")
