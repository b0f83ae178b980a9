"""`newsletter`: one command, a module per group, loaded only when used (start-up time is a feature too)."""

from __future__ import annotations

import importlib
import sys

import typer
from typer._click import Command, Context, HelpFormatter
from typer.core import TyperGroup

GROUPS = {
    "posts": "Import and list posts.",
    "publication": "Create and list publications.",
    "issue": "Compose, check, approve and send issues.",
    "campaign": "Watch and steer the sending of issues.",
    "report": "What became of what was sent: issues, providers, lists, one address.",
    "list": "Create and show mailing lists.",
    "subscribers": "Import, export, show and erase subscribers.",
    "suppressions": "Addresses that must not be mailed.",
    "relay": "Where mail is handed over.",
    "dkim": "Keys that sign mail, and their DNS records.",
    "limits": "How fast, how many at once, on which days and hours.",
    "bounces": "Understand returned mail.",
    "links": "Links of sent issues: numbers, repair, undo.",
    "webhooks": "What mail providers tell by webhook.",
    "instance": "Which installation may send from this database.",
    "user": "Who may sign in.",
    "db": "Migrate and check the database.",
}
SINGLE = {
    "demo": "The main job, end to end, on sample data.",
    "up": "Everything in one process: web, worker, beat, catcher, receiver.",
    "serve": "Serve the web app.",
    "worker": "Run a Celery worker.",
    "beat": "Run the scheduler.",
    "receive": "Receive returned mail over SMTP and LMTP.",
    "doctor": "Check database, broker, SMTP, clock, secret and templates.",
}
_MODULES = {"list": "lists"} | dict.fromkeys(SINGLE, "system") | {"demo": "demo"}


class LazyGroup(TyperGroup):
    """Imports a group's module when it is asked for."""

    def list_commands(self, _ctx: Context) -> list[str]:
        """Return the names in the order people need them."""
        return [*SINGLE, *GROUPS]

    def get_command(self, _ctx: Context, name: str) -> Command | None:
        """Load one command."""
        if name not in GROUPS and name not in SINGLE:
            return None
        module = importlib.import_module(f"newsletter.cli.{_MODULES.get(name, name)}")
        group: TyperGroup = typer.main.get_group(module.app)
        command: Command | None = group if name in GROUPS else group.commands.get(name)
        if command is not None:
            command.name = name
        return command

    def format_commands(self, _ctx: Context, formatter: HelpFormatter) -> None:
        """List commands without importing their modules."""
        with formatter.section("Commands"):
            formatter.write_dl(list((SINGLE | GROUPS).items()))


def _version(wanted: bool) -> None:
    if wanted:
        from newsletter import __version__

        typer.echo(__version__)
        raise typer.Exit


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback(epilog="Example: newsletter demo --no-serve")
def root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Gather posts into numbered issues and mail them to every subscriber once and only once."""


def main() -> None:
    """Run; every expected error is one plain sentence on stderr and exit code 1."""
    from newsletter.errors import NewsletterError

    if not all(_is_text(argument) for argument in sys.argv):
        _end("An argument is not valid UTF-8: check the terminal's encoding.")
    try:
        app()
    except NewsletterError as error:
        _end(str(error))
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except Exception as error:
        sentence = _database_sentence(error)
        if sentence is None:
            raise
        _end(sentence)


def _database_sentence(error: Exception) -> str | None:
    from sqlalchemy.exc import DBAPIError

    from newsletter.db.session import database_sentence

    return database_sentence(error) if isinstance(error, DBAPIError) else None


def _is_text(argument: str) -> bool:
    """Say whether an argument was bytes that are no text (Python then keeps them as lone surrogates)."""
    return not any("\ud800" <= letter <= "\udfff" for letter in argument)


def _end(sentence: str) -> None:
    typer.echo(sentence, err=True)
    sys.exit(1)
