"""Tokens: what we signed verifies, for its own purpose alone; nothing else does, and nothing raises."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.rendering.tokens import TOKEN_LENGTH, Keyring, Purpose, TokenSigner

SECRET = b"a secret for tests, long enough"
numbers = st.integers(min_value=0, max_value=2**64 - 1)


@given(numbers)
def test_round_trip(number: int) -> None:
    signer = TokenSigner(SECRET, Purpose.RECIPIENT)
    token = signer.sign(number)
    assert len(token) == TOKEN_LENGTH
    assert token == token.lower()
    assert signer.verify(token) == number
    assert signer.verify(token.upper()) == number


@given(numbers, st.sampled_from(list(Purpose)), st.sampled_from(list(Purpose)))
def test_a_purpose_accepts_only_its_own(number: int, one: Purpose, other: Purpose) -> None:
    token = TokenSigner(SECRET, one).sign(number)
    assert (TokenSigner(SECRET, other).verify(token) == number) == (one is other)


@given(
    numbers,
    st.integers(min_value=0, max_value=TOKEN_LENGTH - 1),
    st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"),
)
def test_any_changed_letter_is_refused(number: int, place: int, letter: str) -> None:
    signer = TokenSigner(SECRET, Purpose.RECIPIENT)
    token = signer.sign(number)
    forged = token[:place] + letter + token[place + 1 :]
    if forged != token:
        assert signer.verify(forged) is None


@given(st.text())
def test_text_from_outside_never_raises(text: str) -> None:
    assert Keyring(SECRET).recipient.verify(text) is None


@given(numbers)
def test_it_is_base32_of_number_and_hash(number: int) -> None:
    token = TokenSigner(SECRET, Purpose.RECIPIENT).sign(number)
    raw = base64.b32decode(token.upper() + "=")
    assert raw[:8] == number.to_bytes(8, "big")
    assert base64.b32encode(raw).decode().rstrip("=").lower() == token


def test_another_secret_is_refused() -> None:
    token = TokenSigner(SECRET, Purpose.CONFIRM).sign(7)
    assert TokenSigner(b"another secret, long enough too", Purpose.CONFIRM).verify(token) is None


@pytest.mark.parametrize("text", ["", "sample", "a" * TOKEN_LENGTH, "=" * TOKEN_LENGTH, "١" * TOKEN_LENGTH])
def test_shapes_that_are_no_tokens(text: str) -> None:
    assert Keyring(SECRET).return_path.verify(text) is None
