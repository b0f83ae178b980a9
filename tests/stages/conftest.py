"""The command line in this process: an upgraded installation in a folder of its own, and what a command printed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from newsletter.cli import main, support
from newsletter.db import migrate
from tests.servers import free_port

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    """Run `newsletter …`; returns exit code, output and errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEWSLETTER_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("NEWSLETTER_SMTP_URL", f"smtp://127.0.0.1:{free_port()}")
    support.container.cache_clear()
    parts = support.container()
    migrate.upgrade(parts.engine)

    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["newsletter", *arguments])
        with pytest.raises(SystemExit) as end:
            main.main()
        output = capsys.readouterr()
        return int(end.value.code or 0), output.out, output.err

    yield command
    parts.dispose()
    support.container.cache_clear()
