"""`newsletter dkim`: keys that sign mail, and the DNS records that go with them."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

import typer

from newsletter.cli.support import container, note, print_json, say

if TYPE_CHECKING:
    from newsletter.delivery.dkim.overview import KeyView

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Keys that sign mail, and their DNS records."
)

_DOMAIN = typer.Option("", "--domain", help="The domain; default: the only publication's From domain.")
_ALGORITHM = typer.Option("rsa", "--algorithm", help="rsa (everybody verifies it) or ed25519 (beside it).")
_ACTIVATE = typer.Option(False, "--activate", help="Sign with it at once, whatever DNS says.")
_JSON = typer.Option(False, "--json", help="Print JSON alone.")


@app.command(epilog="Example: newsletter dkim create --domain example.com")
def create(
    domain: str = _DOMAIN, algorithm: str = _ALGORITHM, activate: bool = _ACTIVATE, as_json: bool = _JSON
) -> None:
    """Make a key and print its DNS record; it signs once the record is there (newsletter dkim check)."""
    from newsletter.db.session import unit_of_work
    from newsletter.delivery.dkim import service
    from newsletter.delivery.dkim.overview import view_of

    parts = container()
    actor, now = getpass.getuser(), parts.clock.now()
    with unit_of_work(parts.sessions) as session:
        chosen = service.default_domain(session, domain)
        row = service.create_key(session, parts.sealer, chosen, algorithm, actor=actor, now=now)
        if activate:
            service.activate_key(session, row, actor=actor, now=now)
        made = view_of(row, parts.sealer)
    _tell(made, as_json)


@app.command(epilog="Example: newsletter dkim rotate --domain example.com")
def rotate(
    domain: str = _DOMAIN, algorithm: str = _ALGORITHM, activate: bool = _ACTIVATE, as_json: bool = _JSON
) -> None:
    """Make the next key; the present one signs on until the next one's record is seen, or --activate."""
    from newsletter.db.session import unit_of_work
    from newsletter.delivery.dkim import service
    from newsletter.delivery.dkim.overview import view_of
    from newsletter.errors import Conflict

    parts = container()
    actor, now = getpass.getuser(), parts.clock.now()
    with unit_of_work(parts.sessions) as session:
        chosen = service.default_domain(session, domain)
        try:
            row = service.rotate_key(session, parts.sealer, chosen, algorithm, actor=actor, now=now)
        except Conflict:
            if not activate:
                raise
            row = service.waiting_key(session, chosen, algorithm)
        if activate:
            service.activate_key(session, row, actor=actor, now=now)
        made = view_of(row, parts.sealer)
    _tell(made, as_json)


@app.command(epilog="Example: newsletter dkim show --domain example.com")
def show(domain: str = _DOMAIN, as_json: bool = _JSON) -> None:
    """Print the DNS records to publish, ready to paste into a zone file."""
    from newsletter.delivery.dkim.overview import key_views
    from newsletter.delivery.dkim.service import default_domain
    from newsletter.errors import NotFound

    parts = container()
    with parts.reading_sessions() as session:
        chosen = default_domain(session, domain)
        views = [each for each in key_views(session, parts.sealer, chosen) if each.state != "retired"]
    if not views:
        raise NotFound(f"{chosen} has no key: newsletter dkim create --domain {chosen}")
    if as_json:
        print_json([each.to_json() for each in views])
        return
    for view in views:
        say(f"; {view.algorithm}, {view.state}")
        say(view.zone_line or f"; {view.trouble}")


@app.command("list", epilog="Example: newsletter dkim list --json")
def list_all(as_json: bool = _JSON) -> None:
    """List every key with its state and what DNS said of it."""
    from newsletter.delivery.dkim.overview import key_views

    parts = container()
    with parts.reading_sessions() as session:
        views = key_views(session, parts.sealer)
    if as_json:
        print_json([each.to_json() for each in views])
        return
    for view in views:
        say(_line(view))
    if not views:
        say("Nothing is signed yet: newsletter dkim create --domain example.com")


@app.command(epilog="Example: newsletter dkim check")
def check(as_json: bool = _JSON) -> None:
    """Ask DNS for the records; waiting keys whose record is right sign from now on. Exit code 1 when one is wrong."""
    from newsletter.delivery.dkim.overview import key_views
    from newsletter.delivery.dkim.publishing import RecordState, look_up

    parts = container()
    states = look_up(
        parts.reading_sessions, parts.sessions, parts.sealer, parts.txt_lookup,
        actor=getpass.getuser(), now=parts.clock.now(),
    )  # fmt: skip
    with parts.reading_sessions() as session:
        views = [each for each in key_views(session, parts.sealer) if each.id in states]
    if as_json:
        print_json([each.to_json() for each in views])
    else:
        for view in views:
            say(_line(view))
    if any(view.record_state == RecordState.WRONG for view in views):
        raise typer.Exit(1)


def _line(view: KeyView) -> str:
    name = f"{view.selector}._domainkey.{view.domain}"
    return f"{name:<48} {view.algorithm:<8} {view.state:<8} DNS: {view.trouble or view.record_state}"


def _tell(view: KeyView, as_json: bool) -> None:
    if as_json:
        print_json(view.to_json())
        return
    say(view.zone_line)
    if view.state == "waiting":
        note("Publish this record, then: newsletter dkim check")
    else:
        note(f"{view.selector} signs mail of {view.domain} from now on.")
