"""Asks the command line itself whether a command and its options exist, without running it."""

from __future__ import annotations

import typer
from typer._click import Command, Context
from typer._click.exceptions import UsageError
from typer.core import TyperGroup

from newsletter.cli.main import app


def parses(arguments: list[str]) -> bool:
    """Return True when `newsletter ARGUMENTS` is understood.

    :raises UsageError: in the command line's own words when it is not.
    """
    command: Command | None = typer.main.get_command(app)
    context: Context | None = None
    name: str | None = "newsletter"
    rest = list(arguments)
    while command is not None:
        context = command.make_context(name, rest, parent=context)
        if not isinstance(command, TyperGroup):
            return True
        name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
    raise UsageError(f"{arguments} names no command")


def exists(words: list[str]) -> bool:
    """Say whether the words after `newsletter` begin with a command; what follows its name is not looked at."""
    command: Command | None = typer.main.get_command(app)
    for word in words:
        if not isinstance(command, TyperGroup):
            return True
        command = command.get_command(Context(command), word)
        if command is None:
            return False
    return True
