"""The command line in this process: an upgraded installation in a folder of its own, and what a command printed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from newsletter.bootstrap import Container
from newsletter.cli import main, support
from newsletter.db import migrate
from tests.servers import free_port

Run = Callable[..., tuple[int, str, str]]


@contextmanager
def installed_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Container]:
    """Make the folder the working directory and an installation without settings, whose relay is away."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("NEWSLETTER_DATA_DIR", str(folder / "var"))
    monkeypatch.setenv("NEWSLETTER_SMTP_URL", f"smtp://127.0.0.1:{free_port()}")
    support.container.cache_clear()
    parts = support.container()
    migrate.upgrade(parts.engine)
    yield parts
    parts.dispose()
    support.container.cache_clear()


def command_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return what runs `newsletter …`: arguments in, exit code, output and errors out."""

    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["newsletter", *arguments])
        with pytest.raises(SystemExit) as end:
            main.main()
        output = capsys.readouterr()
        return int(end.value.code or 0), output.out, output.err

    return command
