"""The command line in this process, for the tests of every stage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.typed import Run, command_line, installed_in


@pytest.fixture
def typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    """Run `newsletter …`; returns exit code, output and errors."""
    with installed_in(tmp_path, monkeypatch):
        yield command_line(monkeypatch, capsys)
