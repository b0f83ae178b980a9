"""Whole messages, byte for byte: whatever changes a mail shows up here and is looked at."""

from __future__ import annotations

import pytest

from tests.golden.messages import FOLDER, issues, message


@pytest.mark.parametrize("name", sorted(issues()))
def test_the_message_is_the_kept_one(name: str) -> None:
    kept = (FOLDER / f"{name}.eml").read_bytes()
    assert message(issues()[name]) == kept, (
        "Changed on purpose? Run python -m tests.golden.messages and read the difference."
    )
