"""Why a row waits is said in words; every word that a limit can give is among them."""

from __future__ import annotations

import pytest

from newsletter.delivery.limits.standing import HELD_WORDS
from newsletter.web.pages import because


@pytest.mark.parametrize("word", [*HELD_WORDS, "stage"])
def test_a_row_that_waits_says_for_what(word: str) -> None:
    assert because(word) != word


def test_other_words_stand_as_they_are() -> None:
    assert (because("count_as_sent"), because(None)) == ("count as sent", "")
