"""`newsletter relay`: where mail is handed over."""

from __future__ import annotations

import getpass
import sys
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import typer

from newsletter.cli.support import container, fail, print_json, say

if TYPE_CHECKING:
    from newsletter.delivery.relays.overview import RelayView
    from newsletter.delivery.relays.probe import Found

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Where mail is handed over.")

_NAME = typer.Argument(..., metavar="NAME", help="The relay's short name.")
_WEIGHT = typer.Option(None, "--weight", help="Its share beside the others; 0: only when no other works.")
_FROM = typer.Option(None, "--from-domain", help="Only mail from this domain (repeatable; “any” clears).")
_CONNECTIONS = typer.Option(None, "--connections", help="At most so many at once per sender.")
_MESSAGES = typer.Option(None, "--messages", help="Messages on one connection before it is closed.")
_PASSWORD = typer.Option(False, "--password-stdin", help="Read the password from standard input.")
_JSON = typer.Option(False, "--json", help="Print JSON alone.")


@app.command(epilog="Example: newsletter relay add post smtp+starttls://me@mail.example.com --password-stdin")
def add(
    name: str = _NAME,
    url: str = typer.Argument(..., metavar="URL", help="smtp://, smtp+starttls://, smtps:// or lmtp://"),
    weight: int | None = _WEIGHT,
    from_domain: list[str] | None = _FROM,
    connections: int | None = _CONNECTIONS,
    messages: int | None = _MESSAGES,
    password_stdin: bool = _PASSWORD,
    as_json: bool = _JSON,
) -> None:
    """Add a relay. From then on NEWSLETTER_SMTP_URL is used only for mail that no relay takes."""
    from newsletter.db.session import unit_of_work
    from newsletter.delivery.relays import service
    from newsletter.delivery.relays.overview import view_of

    parts = container()
    values = _values(weight, from_domain, connections, messages)
    with unit_of_work(parts.sessions) as session:
        address = _address(url, password_stdin)
        row = service.add_relay(session, parts.sealer, name, address, actor=getpass.getuser(), **values)
        made = view_of(row)
    _tell([made], as_json)


@app.command(epilog="Example: newsletter relay edit post --weight 3")
def edit(
    name: str = _NAME,
    url: str = typer.Option("", "--url", help="A new address; the password stays when host and user do."),
    weight: int | None = _WEIGHT,
    from_domain: list[str] | None = _FROM,
    connections: int | None = _CONNECTIONS,
    messages: int | None = _MESSAGES,
    enabled: bool | None = typer.Option(None, "--on/--off", help="Use it, or leave it alone."),
    password_stdin: bool = _PASSWORD,
    as_json: bool = _JSON,
) -> None:
    """Change a relay; senders take it up within half a minute."""
    from newsletter.db.session import unit_of_work
    from newsletter.delivery.relays import service
    from newsletter.delivery.relays.overview import view_of

    parts = container()
    values = _values(weight, from_domain, connections, messages)
    if enabled is not None:
        values["is_enabled"] = enabled
    with unit_of_work(parts.sessions) as session:
        row = service.get_relay(session, name)
        address = _address(url or view_of(row).url, password_stdin) if url or password_stdin else ""
        service.edit_relay(session, parts.sealer, row, actor=getpass.getuser(), url=address, **values)
        changed = view_of(row)
    _tell([changed], as_json)


@app.command(epilog="Example: newsletter relay remove post")
def remove(name: str = _NAME) -> None:
    """Forget a relay and its password."""
    from newsletter.db.session import unit_of_work
    from newsletter.delivery.relays import service

    parts = container()
    with unit_of_work(parts.sessions) as session:
        service.remove_relay(session, service.get_relay(session, name), actor=getpass.getuser())
    say(f"Removed the relay {name}.")


@app.command("list", epilog="Example: newsletter relay list --json")
def list_all(as_json: bool = _JSON) -> None:
    """List every relay."""
    from newsletter.delivery.relays.overview import relay_views

    parts = container()
    with parts.reading_sessions() as session:
        views = relay_views(session)
    _tell(views, as_json)
    if not views and not as_json:
        say("There is none: mail goes to NEWSLETTER_SMTP_URL.")


@app.command("test", epilog="Example: newsletter relay test post --to you@example.com")
def try_relay(
    name: str = _NAME,
    to: str = typer.Option("", "--to", help="Also send a short mail to this address."),
    as_json: bool = _JSON,
) -> None:
    """Connect as sending does, verify its certificate, sign in, and say what the relay offers."""
    from newsletter.delivery.oneoff import send_relay_test
    from newsletter.delivery.relays.probe import probe
    from newsletter.delivery.relays.service import get_relay, relay_of

    parts = container()
    with parts.reading_sessions() as session:
        row = get_relay(session, name)
        found = probe(relay_of(parts.sealer, row).target)
        if to and not found.trouble:
            send_relay_test(session, row, to=to, room=parts.sending.room, now=parts.clock.now())
    if as_json:
        print_json(asdict(found) | {"sent_to": to if to and not found.trouble else ""})
        raise typer.Exit(1 if found.trouble else 0)
    if found.trouble:
        fail(found.trouble)
    _describe(found)
    if to:
        say(f"It took a mail to {to}.")


def _describe(found: Found) -> None:
    say(f"It answers, {'secured by ' + found.tls if found.tls else 'without encryption'}.")
    if found.signed_in:
        say("It accepts the user and the password.")
    say(f"It offers {', '.join(found.extensions) or 'no extensions'}.")
    if found.size:
        say(f"It takes messages of at most {found.size:,} bytes.")


def _values(
    weight: int | None, from_domains: list[str] | None, connections: int | None, messages: int | None
) -> dict[str, Any]:
    values = {"weight": weight, "connections": connections, "messages_per_connection": messages}
    given: dict[str, Any] = {name: value for name, value in values.items() if value is not None}
    if from_domains:
        given["from_domains"] = [each for each in from_domains if each != "any"]
    return given


def _address(url: str, password_stdin: bool) -> str:
    """Put a password from standard input into the URL, so that it stands in no list of processes."""
    if not password_stdin:
        return url
    from newsletter.delivery.relays.address import read_url

    password = sys.stdin.readline().rstrip("\r\n")
    return replace(read_url(url), password=password).secret_url


def _tell(views: list[RelayView], as_json: bool) -> None:
    if as_json:
        print_json([each.to_json() for each in views])
        return
    for each in views:
        share = f"weight {each.weight}" if each.is_enabled else "off"
        who = ", ".join(each.from_domains) or "any domain"
        say(f"{each.name:<20} {each.url:<48} {share:<10} from {who}")
