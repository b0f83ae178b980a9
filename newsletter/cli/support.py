"""What every command uses: the container, JSON output, errors, progress, and embedded work."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn

import typer

if TYPE_CHECKING:
    from newsletter.bootstrap import Container


@cache
def container() -> Container:
    """Return the container made from the environment (imported late: `--help` stays fast)."""
    from newsletter.bootstrap import build_container
    from newsletter.settings import load_settings

    return build_container(load_settings())


def print_json(value: Any) -> None:
    """Print one JSON document on stdout; times become ISO 8601."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=_plain, indent=2) + "\n")


def print_json_line(value: Any) -> None:
    """Print one JSON object on a line of its own."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=_plain) + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, date):  # also a datetime
        return value.isoformat()
    raise TypeError(f"cannot write {type(value).__name__} as JSON")


def say(message: str) -> None:
    """Print a line for a person on stdout."""
    typer.echo(message)


def note(message: str) -> None:
    """Print a line for a person on stderr, so that stdout stays clean for scripts."""
    typer.echo(message, err=True)


def fail(message: str, code: int = 1) -> NoReturn:
    """End the command with one plain sentence on stderr."""
    typer.echo(message, err=True)
    raise typer.Exit(code)


@contextmanager
def progress(label: str, length: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on a terminal, a line every ten per cent elsewhere; yields a function taking the amount done."""
    if sys.stderr.isatty():
        with typer.progressbar(length=max(length, 1), label=label, file=sys.stderr) as bar:
            yield lambda done: bar.update(max(0, done - bar.pos))
        return
    shown = -1

    def tell(done: int) -> None:
        nonlocal shown
        step = 10 * done // max(length, 1)
        if step > shown:
            shown = step
            note(f"{label}: {done:,} of {length:,}")

    yield tell


def run_embedded_until(parts: Container, is_done: Callable[[], bool]) -> None:
    """Wait until `is_done()`; when nobody else works on this embedded installation, do the work here meanwhile."""
    from newsletter.cli.embedded import work_until

    work_until(parts, is_done)
