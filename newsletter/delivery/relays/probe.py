"""Trying a relay: connect, greet, secure, sign in, and say what was found. Certificates are verified as in sending."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from newsletter.delivery.smtp.opening import open_connection, say_goodbye
from newsletter.delivery.smtp.target import SmtpTarget
from newsletter.delivery.smtp.trouble import ConnectionTrouble

#: The whole trial, so that a silent host holds nobody's browser.
PROBE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Found:
    """What a relay said. `trouble` is empty when mail can go there; `size` is its limit in bytes, if it names one."""

    trouble: str = ""
    tls: str = ""
    signed_in: bool = False
    mechanisms: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    size: int | None = None


def probe(target: SmtpTarget) -> Found:
    """Connect as sending does and describe the relay; never raises for what the relay does."""
    try:
        return asyncio.run(_bounded(target))
    except (ConnectionTrouble, TimeoutError) as error:
        return Found(
            trouble=str(error) or f"{target.host} did not answer within {PROBE_SECONDS:.0f} seconds."
        )


async def _bounded(target: SmtpTarget) -> Found:
    async with asyncio.timeout(PROBE_SECONDS):
        connection = await open_connection(target)
        offered = connection.extensions
        tls = connection.tls_version or ""
        await say_goodbye(connection)
    size = offered.get("SIZE", "")
    return Found(
        tls=tls,
        signed_in=bool(target.username),
        mechanisms=tuple(offered.get("AUTH", "").upper().split()),
        extensions=tuple(sorted(offered)),
        size=int(size) if size.isdecimal() and size != "0" else None,
    )
