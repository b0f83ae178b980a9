"""`newsletter webhooks`: what providers tell of our mail, and the accounts by which they do."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

import typer

from newsletter.cli.support import container, fail, note, print_json, say

if TYPE_CHECKING:
    from newsletter.feedback.webhooks.overview import AccountView

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What mail providers tell by webhook.")

_NAME = typer.Argument(..., metavar="NAME", help="The account's short name.")
_TOPIC = typer.Option(None, "--topic", help="ARN of a topic of SNS that is ours (repeatable).")
_SECRET_STDIN = typer.Option(False, "--secret-stdin", help="Read the signing secret from standard input.")
_JSON = typer.Option(False, "--json", help="Print JSON alone.")


@app.command(
    epilog="Example: newsletter webhooks decode mailgun --headers headers.txt --body body.json --json"
)
def decode(
    provider: str = typer.Argument(
        ..., metavar="PROVIDER", help="Such as mailgun, amazon_ses, unisender_go."
    ),
    headers: Path = typer.Option(..., "--headers", help="File of header lines, or a JSON object."),
    body: Path = typer.Option(..., "--body", help="File of the raw body."),
    method: str = typer.Option("POST", "--method", help="The request's method."),
    url: str = typer.Option("", "--url", help="The address that was called; some providers sign it."),
    secret: list[str] = typer.Option(None, "--secret", metavar="NAME=VALUE", help="What to verify by."),
    no_replay_window: bool = typer.Option(False, "--no-replay-window", help="Take requests of any age."),
    as_json: bool = _JSON,
) -> None:
    """Verify one recorded request and print what it says; exit 1 when it would be refused. Writes nothing."""
    from newsletter.clock import utcnow
    from newsletter.feedback.webhooks import decode_json

    request = {"method": method, "headers": _headers(headers), "body": _bytes(body)}
    parts = _parts(url)
    request |= {"url": url} if parts.netloc else {"path": parts.path or "/", "query": parts.query}
    found = decode_json(provider, request, _secrets(secret), now=None if no_replay_window else utcnow())
    if found["ok"] and not found["verified"]:
        note("Not verified: no secret was given. An account without a secret would refuse this request.")
    if as_json:
        print_json(found)
    else:
        _tell_decoded(found)
    raise typer.Exit(0 if found["ok"] else 1)


def _parts(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        fail(f"{url[:80]!r} is no address.")


def _tell_decoded(found: dict[str, Any]) -> None:
    if not found["ok"]:
        note(f"Refused ({found['status']}): {found['error']}")
        return
    for event in found["events"]:
        words = [event["word"], event["recipient"] or "nobody named", event["severity"]]
        words += [event["reason"]] if event["reason"] != "unknown" else []
        line = " ".join(str(each) for each in [*words, event["diagnostic"][:120]] if each)
        say("".join(letter if letter.isprintable() else " " for letter in line))
    if not found["events"]:
        say("Taken; it tells of no event.")


def _headers(path: Path) -> dict[str, str]:
    """Read headers: `Name: value` on lines, or one JSON object."""
    import json

    written = _bytes(path).decode("utf-8", "replace")
    if written.lstrip().startswith("{"):
        try:
            return {str(name): str(value) for name, value in json.loads(written).items()}
        except ValueError:
            fail(f"{path} begins as JSON and is none.")
    lines = [line.partition(":") for line in written.splitlines() if ":" in line[1:]]
    return {name.strip(): value.strip() for name, _, value in lines}


def _bytes(path: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        fail(f"Cannot read {path}: {error.strerror}.")


def _secrets(given: list[str] | None) -> dict[str, Any]:
    """Return secrets by name; one that is given twice has two values, as while it is rotated."""
    found: dict[str, list[str]] = {}
    for each in given or []:
        name, equals, value = each.partition("=")
        if not equals:
            fail("A secret is written NAME=VALUE.")
        found.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


@app.command(epilog="Example: newsletter webhooks accounts --json")
def accounts(as_json: bool = _JSON) -> None:
    """List the accounts at providers, with what came from each."""
    from newsletter.feedback.webhooks.overview import account_views

    parts = container()
    with parts.reading_sessions() as session:
        views = account_views(session)
    if as_json:
        print_json([each.to_json() for each in views])
        return
    for each in views:
        say(_in_words(each))
    if not views:
        say("There is none: bounces and complaints come as mail alone. newsletter webhooks add NAME PROVIDER")


def _in_words(view: AccountView) -> str:
    last = f"last event {view.last_event_at:%Y-%m-%d %H:%M}" if view.last_event_at else "no event yet"
    refused = f", refused: {view.last_refusal}" if view.last_refusal else ""
    state = "" if view.is_ready else ", not ready: " + view.missing
    return f"{view.name:<20} {view.label:<14} relay {view.relay:<12} {view.applied:>8} applied, {last}{state}{refused}"


@app.command(epilog="Example: newsletter webhooks add main mailgun --relay post --secret-stdin")
def add(
    name: str = _NAME,
    provider: str = typer.Argument(
        ..., metavar="PROVIDER", help="Such as mailgun, amazon_ses, unisender_go."
    ),
    relay: str = typer.Option("default", "--relay", help="The relay that hands mail to this account."),
    topic: list[str] | None = _TOPIC,
    secret_stdin: bool = _SECRET_STDIN,
    as_json: bool = _JSON,
) -> None:
    """Add an account and print the address, user and password to be entered at the provider."""
    from newsletter.db.session import unit_of_work
    from newsletter.feedback.webhooks import accounts as service
    from newsletter.feedback.webhooks.sealed import entered_at_provider

    parts = container()
    with unit_of_work(parts.sessions) as session:
        row = service.add_account(
            session,
            parts.sealer,
            name,
            provider,
            relay=relay,
            signing=_line() if secret_stdin else "",
            topics=topic or (),
            actor=getpass.getuser(),
            now=parts.clock.now(),
        )
        _tell_entered(entered_at_provider(parts.sealer, row, parts.settings.base_url), as_json)


@app.command(epilog="Example: newsletter webhooks show main")
def show(name: str = _NAME, as_json: bool = _JSON) -> None:
    """Print what is entered at the provider: the address with its secret path, user and password."""
    from newsletter.feedback.webhooks import accounts as service
    from newsletter.feedback.webhooks.sealed import entered_at_provider

    parts = container()
    with parts.reading_sessions() as session:
        row = service.get_account(session, name)
        _tell_entered(entered_at_provider(parts.sealer, row, parts.settings.base_url), as_json)


@app.command(epilog="Example: newsletter webhooks rotate main --secret-stdin")
def rotate(
    name: str = _NAME,
    secret_stdin: bool = _SECRET_STDIN,
    retire: bool = typer.Option(False, "--retire", help="Forget the older ones instead."),
    as_json: bool = _JSON,
) -> None:
    """Make a new password, or take a new signing secret; the one before stays valid until --retire."""
    from newsletter.db.session import unit_of_work
    from newsletter.feedback.webhooks import accounts as service
    from newsletter.feedback.webhooks.sealed import entered_at_provider

    parts, actor = container(), getpass.getuser()
    with unit_of_work(parts.sessions) as session:
        row = service.get_account(session, name)
        if retire:
            service.retire(session, parts.sealer, row, actor=actor)
        elif secret_stdin:
            service.set_signing(session, parts.sealer, row, _line(), actor=actor)
        else:
            service.rotate(session, parts.sealer, row, actor=actor)
        _tell_entered(entered_at_provider(parts.sealer, row, parts.settings.base_url), as_json)


@app.command(epilog="Example: newsletter webhooks topics main arn:aws:sns:eu-central-1:123456789012:bounces")
def topics(
    name: str = _NAME,
    arns: list[str] = typer.Argument(..., metavar="ARN...", help="All topics that are ours."),
) -> None:
    """Set the topics of Amazon SNS from which an account takes messages."""
    from newsletter.db.session import unit_of_work
    from newsletter.feedback.webhooks import accounts as service

    parts = container()
    with unit_of_work(parts.sessions) as session:
        service.set_topics(session, service.get_account(session, name), arns, actor=getpass.getuser())
    say(f"Messages of these topics are taken now: {', '.join(arns)}")


@app.command(epilog="Example: newsletter webhooks remove main")
def remove(name: str = _NAME) -> None:
    """Forget an account, its secrets and what it sent. What it changed stays."""
    from newsletter.db.session import unit_of_work
    from newsletter.feedback.webhooks import accounts as service

    parts = container()
    with unit_of_work(parts.sessions) as session:
        service.remove_account(session, service.get_account(session, name), actor=getpass.getuser())
    say(f"Removed the account {name}.")


def _line() -> str:
    """Return what came on standard input: keys may have several lines."""
    return sys.stdin.read().strip()


def _tell_entered(entered: dict[str, str], as_json: bool) -> None:
    if as_json:
        print_json(entered)
        return
    for label, value in entered.items():
        say(f"{label:<10} {value}")
