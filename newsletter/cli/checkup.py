"""What `newsletter doctor` looks at. Each check is one function that returns a finding and never raises."""

from __future__ import annotations

import smtplib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import urlsplit

from sqlalchemy import func, select

from newsletter.assets import asset
from newsletter.bootstrap import Container
from newsletter.db import migrate
from newsletter.errors import NewsletterError
from newsletter.issues.models import Publication

CLOCK_TOLERANCE_SECONDS = 5


@dataclass
class Finding:
    """One line of the report."""

    what: str
    state: Literal["good", "warn", "bad"]
    message: str


def examine(parts: Container) -> list[Finding]:
    """Run every check."""
    checks: dict[str, Callable[[Container], Finding]] = {
        "database": _database,
        "clock": _clock,
        "broker": _broker,
        "smtp": _smtp,
        "secret": _secret,
        "instance": _instance,
        "templates": _templates,
        "bounces": _bounces,
        "mailbox": _mailbox,
        "relays": _relays,
        "dkim": _dkim,
    }
    return [_guarded(name, check, parts) for name, check in checks.items()]


def _guarded(name: str, check: Callable[[Container], Finding], parts: Container) -> Finding:
    try:
        return check(parts)
    except NewsletterError as error:
        return Finding(name, "bad", str(error))
    except Exception as error:
        first_line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        return Finding(name, "bad", first_line[:300])


def _database(parts: Container) -> Finding:
    current, head = migrate.current_revision(parts.engine), migrate.head_revision()
    if current != head:
        return Finding(
            "database", "bad", f"at {current or 'nothing'}, needs {head}: run 'newsletter db upgrade'"
        )
    return Finding("database", "good", f"{parts.engine.dialect.name}, schema {current}")


def _clock(parts: Container) -> Finding:
    if parts.engine.dialect.name == "sqlite":
        return Finding("clock", "good", "the database uses this machine's clock")
    with parts.reading_sessions() as session:
        theirs: datetime = session.scalar(select(func.clock_timestamp()))  # type: ignore[assignment]
    gap = abs((theirs - datetime.now(UTC)).total_seconds())
    state: Literal["good", "warn"] = "good" if gap <= CLOCK_TOLERANCE_SECONDS else "warn"
    return Finding("clock", state, f"{gap:.1f} s from the database's")


def _broker(parts: Container) -> Finding:
    if parts.settings.embedded:
        return Finding("broker", "good", "memory://, one process")
    with parts.celery.connection_for_write() as connection:
        connection.ensure_connection(max_retries=1, timeout=5)
    return Finding("broker", "good", f"{urlsplit(parts.settings.broker_url).scheme} answers")


def _smtp(parts: Container) -> Finding:
    url = urlsplit(parts.settings.smtp_url)
    port = url.port or (465 if url.scheme == "smtps" else 25)
    if parts.settings.uses_catcher:
        return Finding(
            "smtp", "good", f"the built-in mail catcher on port {port}; nothing leaves this machine"
        )
    server = smtplib.SMTP_SSL if url.scheme == "smtps" else smtplib.SMTP
    with server(url.hostname or "", port, timeout=10) as client:
        client.ehlo()
        offers = " ".join(sorted(client.esmtp_features)) or "nothing"
    return Finding("smtp", "good", f"{url.hostname}:{port} offers {offers}")


def _secret(parts: Container) -> Finding:
    return Finding("secret", "good", f"{len(parts.settings.secret)} characters")


def _instance(parts: Container) -> Finding:
    from newsletter.delivery.instance import STRAY, is_home

    with parts.reading_sessions() as session:
        if not is_home(session, parts.settings.instance_id):
            return Finding("instance", "bad", STRAY)
    return Finding("instance", "good", "this installation may send from this database")


def _templates(_parts: Container) -> Finding:
    missing = [name for name in ("email", "admin", "public") if not (asset("templates") / name).is_dir()]
    if missing:
        return Finding("templates", "bad", f"missing: {', '.join(missing)}; install the package again")
    return Finding("templates", "good", str(asset("templates")))


def _mailbox(parts: Container) -> Finding:
    """Open the mailbox that returned mail is fetched from, and change nothing in it."""
    from newsletter.adapters.mailboxes import open_mailbox

    place = parts.mailbox
    if place is None:
        return Finding("mailbox", "good", "none: returned mail comes to the receiver or through the pipe")
    with open_mailbox(place):
        return Finding("mailbox", "good", str(place))


def _bounces(parts: Container) -> Finding:
    if parts.settings.bounce_domain:
        return Finding("bounces", "good", f"return path at {parts.settings.bounce_domain}")
    with parts.reading_sessions() as session:
        addresses = session.scalars(select(Publication.from_address)).all()
    domains = sorted({address.rpartition("@")[2] for address in addresses}) or ["the from-address's domain"]
    return Finding(
        "bounces",
        "warn",
        f"NEWSLETTER_BOUNCE_DOMAIN is not set: returned mail goes to {', '.join(domains)}, "
        "which must hand b+…@ addresses to 'newsletter receive'",
    )


def _relays(parts: Container) -> Finding:
    from newsletter.delivery.relays.probe import probe
    from newsletter.delivery.relays.service import list_relays, relay_of

    with parts.reading_sessions() as session:
        relays = [relay_of(parts.sealer, row) for row in list_relays(session) if row.is_enabled]
    troubles = [f"{each.name}: {found.trouble}" for each in relays if (found := probe(each.target)).trouble]
    if troubles:
        return Finding("relays", "bad" if len(troubles) == len(relays) else "warn", "; ".join(troubles))
    return Finding(
        "relays", "good", ", ".join(each.name for each in relays) or "none but NEWSLETTER_SMTP_URL"
    )


def _dkim(parts: Container) -> Finding:
    """A wrong record breaks every signature; silence of DNS proves nothing."""
    from newsletter.delivery.dkim.publishing import RecordState, ask
    from newsletter.delivery.dkim.service import list_keys

    with parts.reading_sessions() as session:
        states = ask(session, parts.sealer, parts.txt_lookup)
        rows = [row for row in list_keys(session) if row.id in states]
    if not rows:
        return Finding("dkim", "good", "no key: the relay signs, or newsletter dkim create")
    said = ", ".join(f"{row.selector}._domainkey.{row.domain} {states[row.id]}" for row in rows)
    active = {states[row.id] for row in rows if row.state == "active"}
    if RecordState.WRONG in active or RecordState.MISSING in active:
        return Finding("dkim", "bad", f"{said}: publish what 'newsletter dkim show' prints")
    return Finding("dkim", "good" if active == {RecordState.RIGHT} else "warn", said)
