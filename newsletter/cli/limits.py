"""`newsletter limits`: how fast, how many at once, on which days and at which hours."""

from __future__ import annotations

import getpass
from datetime import datetime, time
from typing import TYPE_CHECKING, Any

import typer

from newsletter.cli.support import container, fail, print_json, say

if TYPE_CHECKING:
    from newsletter.delivery.limits.overview import LimitRow, Overview
    from newsletter.delivery.limits.standing import GroupRow

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="How fast, how many at once, on which days and hours."
)

_JSON = typer.Option(False, "--json", help="Print JSON alone.")
_SCOPE = typer.Argument(..., metavar="SCOPE", help="relay, publication or group.")
_PLANNED = typer.Argument(..., metavar="SCOPE", help="relay or publication.")
_TIMED = typer.Argument(..., metavar="SCOPE", help="publication or campaign.")
_NAME = typer.Argument(..., metavar="NAME", help="Its name: default, letter, google, example.com …")
_OFF = typer.Option(False, "--remove", help="Remove it.")


@app.command("list", epilog="Example: newsletter limits list --json")
def list_all(as_json: bool = _JSON) -> None:
    """Show what is set and shipped, what is left of it, warm-up plans and hours."""
    seen = _overview()
    if as_json:
        print_json(seen.to_json())
        return
    for row in seen.limits:
        say(f"{row.scope:<12} {row.name:<24} {_amount(row):<18} {row.source:<8} {_left(row, seen)}".rstrip())
    for plan in seen.warm_ups:
        cap = "over" if plan.cap is None else f"{plan.cap:,} today"
        say(f"{plan.scope:<12} {plan.name:<24} {'warm-up: ' + cap:<18} since {plan.first_day}")
    for one in seen.hours:
        hours = f"{one.opens_at}-{one.closes_at}" if one.opens_at else "any hour"
        spread = f", spread over {one.spread_minutes} minutes" if one.spread_minutes else ""
        say(f"{one.scope:<12} {one.name:<24} {hours}{spread}")


def _amount(row: LimitRow) -> str:
    if row.count is None:
        return "any number"
    return f"{row.count:,} at once" if row.per == "at_once" else f"{row.count:,}/{row.per}"


def _left(row: LimitRow, seen: Overview) -> str:
    if row.left is not None:
        return f"{row.left:,} left"
    return "" if seen.limiter_answers else "the limiter does not answer"


def _overview() -> Overview:
    from newsletter.delivery.limits.overview import overview

    parts = container()
    with parts.reading_sessions() as session:
        return overview(session, parts.limits.limiter, parts.clock.now())


@app.command(
    "set",
    epilog="Example: newsletter limits set relay default 10/second. For a group: newsletter limits set group google --off",
)
def set_one(
    scope: str = _SCOPE,
    name: str = _NAME,
    rate: str = typer.Argument("", metavar="[RATE]", help="100/hour, 10/second, 60/minute or 5000/day."),
    at_once: int = typer.Option(
        0, min=0, help="For a group: messages on the wire at once, of all workers together."
    ),
    off: bool = typer.Option(False, "--off", help="For a group: switch the shipped limit off."),
    as_json: bool = _JSON,
) -> None:
    """Set a limit; it holds within seconds, also for campaigns that are on their way."""
    from newsletter.db.session import unit_of_work
    from newsletter.delivery.limits import editing
    from newsletter.delivery.limits.rates import parse_rate

    if (bool(rate), bool(at_once), off).count(True) != 1:
        fail("Give one of a rate such as 100/hour, --at-once N, or --off.")
    if not rate and scope != "group":
        fail("--at-once and --off are for groups: give a rate such as 100/hour.")
    parts, actor = container(), getpass.getuser()
    now = parts.clock.now()
    with unit_of_work(parts.sessions) as session:
        if rate:
            row = editing.set_limit(session, scope, name, parse_rate(rate), actor=actor, now=now)
        elif off:
            row = editing.switch_off(session, name, actor=actor, now=now)
        else:
            row = editing.set_at_once(session, name, at_once, actor=actor, now=now)
        values = {"scope": row.scope, "name": row.name, "per": row.per, "count": row.count}
    _tell(values, f"Set for the {scope} {row.name}.", as_json)


@app.command(epilog="Example: newsletter limits remove relay default --per second")
def remove(
    scope: str = _SCOPE,
    name: str = _NAME,
    per: str = typer.Option("at_once", help="Which one: second, minute, hour, day or at_once."),
    as_json: bool = _JSON,
) -> None:
    """Remove a limit; where one is shipped, that holds again."""
    from newsletter.db.session import unit_of_work
    from newsletter.delivery.limits import editing

    with unit_of_work(container().sessions) as session:
        editing.remove_limit(session, scope, name, per)
    _tell({"scope": scope, "name": name, "per": per}, f"Removed for the {scope} {name}.", as_json)


@app.command(epilog="Example: newsletter limits groups --json")
def groups(
    close: str = typer.Option("", help="Let a group that rests be tried again at once."),
    as_json: bool = _JSON,
) -> None:
    """Show destination groups: how many domains each has, and which of them rest."""
    from newsletter.delivery.limits.standing import group_rows

    parts = container()
    if close:
        _close(close)
    with parts.reading_sessions() as session:
        rows = group_rows(session, parts.clock.now())
    if as_json:
        print_json([_group(row) for row in rows])
        return
    for row in rows:
        until = f"until {row.until:%Y-%m-%d %H:%M} UTC" if row.until else ""
        say(f"{row.name:<24} {row.domains:>6,} domains  {row.state:<10} {until} {row.why[:100]}".rstrip())


def _close(group: str) -> None:
    from newsletter.db.session import unit_of_work
    from newsletter.delivery.limits import breakers

    with unit_of_work(container().sessions) as session:
        if not breakers.close(session, group):
            fail(f"Nothing is wrong with {group}.")


def _group(row: GroupRow) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(row)


@app.command(
    "warm-up",
    epilog="Example: newsletter limits warm-up relay default --days 50,50,75,100 --growth 25 --most 20000",
)
def warm_up(
    scope: str = _PLANNED,
    name: str = _NAME,
    days: str = typer.Option("", help="Caps of the first days; default 50,50,75,75,100,100,100."),
    growth: int = typer.Option(25, help="Afterwards so many per cent more each day."),
    most: int = typer.Option(20_000, help="The plan is over when a day's cap would pass this."),
    per_group: int = typer.Option(0, min=0, help="At most so many a day to each destination group."),
    first_day: str = typer.Option("", help="The first day, such as 2026-03-01; default today."),
    time_zone: str = typer.Option("UTC", help="Whose days; a publication has its own zone."),
    off: bool = _OFF,
    as_json: bool = _JSON,
) -> None:
    """Set how many messages a new relay or publication sends on each calendar day."""
    from newsletter.db.session import unit_of_work
    from newsletter.delivery.limits import planning
    from newsletter.delivery.limits.models import WarmUp
    from newsletter.delivery.limits.plans import FIRST_WEEK

    parts = container()
    with unit_of_work(parts.sessions) as session:
        if off:
            planning.remove_plan(session, WarmUp, scope, name)
        else:
            planning.set_warm_up(
                session,
                scope,
                name,
                first_day=_moment(first_day, "%Y-%m-%d").date() if first_day else parts.clock.now().date(),
                days=[_whole(one) for one in days.split(",")] if days else FIRST_WEEK,
                growth=growth,
                most=most,
                per_group=per_group or None,
                time_zone=time_zone,
                actor=getpass.getuser(),
            )
    _tell({"scope": scope, "name": name, "removed": off}, "Removed." if off else "The plan holds.", as_json)


@app.command(epilog="Example: newsletter limits hours publication letter --between 08:00-20:00")
def hours(
    scope: str = _TIMED,
    name: str = _NAME,
    between: str = typer.Option("", help="Send only then, by the publication's clock: 08:00-20:00."),
    spread: int = typer.Option(0, min=0, help="Spread each campaign evenly over so many minutes."),
    off: bool = _OFF,
    as_json: bool = _JSON,
) -> None:
    """Set when a publication or campaign may send, and over how long it is spread."""
    from newsletter.db.session import unit_of_work
    from newsletter.delivery.limits import planning
    from newsletter.delivery.limits.models import SendingHours

    opens, closes = _between(between)
    with unit_of_work(container().sessions) as session:
        if off:
            planning.remove_plan(session, SendingHours, scope, name)
        else:
            planning.set_hours(
                session,
                scope,
                name,
                opens_at=opens,
                closes_at=closes,
                spread_minutes=spread or None,
                actor=getpass.getuser(),
            )
    _tell({"scope": scope, "name": name, "removed": off}, "Removed." if off else "The hours hold.", as_json)


def _between(text: str) -> tuple[time | None, time | None]:
    if not text:
        return None, None
    opens, _, closes = text.partition("-")
    return _moment(opens.strip(), "%H:%M").time(), _moment(closes.strip(), "%H:%M").time()


def _moment(text: str, form: str) -> datetime:
    try:
        return datetime.strptime(text, form)  # noqa: DTZ007 - a date or an hour alone, without a zone
    except ValueError:
        fail(f"“{text[:40]}” does not look like {'08:00' if ':' in form else '2026-03-01'}.")


def _whole(text: str) -> int:
    if not text.strip().isdecimal() or len(text) > 12:
        fail(f"“{text[:40]}” is not a number of messages: write --days 50,75,100.")
    return int(text)


def _tell(values: dict[str, Any], sentence: str, as_json: bool) -> None:
    if as_json:
        print_json(values)
    else:
        say(sentence)
