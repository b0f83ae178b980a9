"""What the receiver says: whom it takes mail for, and 250 only for what is committed. SMTP (RFC 5321) and LMTP (RFC 2033)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, cast

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from newsletter.clock import Clock
from newsletter.db.session import Sessions, unit_of_work
from newsletter.feedback.return_address import parse_return_address
from newsletter.feedback.storing import take_in
from newsletter.jobs import JobQueue

log = logging.getLogger(__name__)

_STORED: Final = "250 2.0.0 Taken in"
_LATER: Final = "451 4.3.0 The mail cannot be stored now; please try again later"
_FULL: Final = b"421 4.3.2 Too many connections; please try again later\r\n"
_MOST_RECIPIENTS: Final = 100
#: Each may hold one mail of the largest size in memory.
MOST_CONNECTIONS: Final = 50
#: Returned HTML mail has lines far beyond RFC 5321's thousand; refusing it would lose the report above it.
_LONGEST_LINE: Final = 1024 * 1024
#: The library's answers at the end of DATA that do not come from us.
_TOO_LARGE: Final = ("500 Line too long", "552 Error: Too much mail data")


@dataclass(frozen=True)
class ReturnedMailHandler:
    """What the servers ask at RCPT and at the end of DATA. Without a bounce domain any domain will do."""

    sessions: Sessions
    queue: JobQueue
    clock: Clock
    bounce_domain: str = ""
    #: Lower-case addresses beside the return paths: such as one registered with feedback loops.
    also_for: frozenset[str] = frozenset()
    #: Applies a stored mail after the answer; without it that is left to the workers.
    apply: Callable[[int], object] = lambda _mail_id: None
    open: set[SMTP] = field(default_factory=set, compare=False)

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Accept what looks like a return path of ours, and what was asked for by name."""
        if not self._is_ours(address):
            return "550 5.1.1 No such return path here"
        if len(envelope.rcpt_tos) >= _MOST_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    def _is_ours(self, address: str) -> bool:
        if address.lower() in self.also_for:
            return True
        found = parse_return_address(address)
        return found is not None and self.bounce_domain.lower() in ("", found.domain)

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Store the mail for each recipient in one transaction, then answer; LMTP wants one answer each."""
        loop = asyncio.get_running_loop()
        try:
            stored = await loop.run_in_executor(None, partial(self.store, envelope, server))
        except Exception as error:  # whatever it is: the sender keeps the mail, and comes again
            log.warning("returned mail was not stored: %s", type(error).__name__)
            return _for_each(server, envelope, _LATER)
        loop.run_in_executor(None, partial(self._apply, stored))
        return _for_each(server, envelope, _STORED)

    def _apply(self, mail_ids: list[int]) -> None:
        """Apply what was stored at once: workers may all be busy sending the campaign that it should stop."""
        try:
            for mail_id in mail_ids:
                self.apply(mail_id)
        except Exception as error:  # the job that was asked for tries it again
            log.warning("returned mail waits for a worker: %s", type(error).__name__)

    def store(self, envelope: Envelope, server: SMTP) -> list[int]:
        """Commit the mail; return the ids of what was new.

        :raises Unavailable: when the database is gone.
        """
        raw = bytes(envelope.original_content or b"")
        with unit_of_work(self.sessions) as session:
            rows = [
                take_in(
                    session,
                    self.queue,
                    raw,
                    recipient=recipient,
                    sender=envelope.mail_from or "",
                    came_by="lmtp" if isinstance(server, LMTP) else "smtp",
                    now=self.clock.now(),
                )
                for recipient in envelope.rcpt_tos
            ]
        return [row.id for row in rows if row is not None]

    async def handle_exception(self, error: Exception) -> str:
        """Answer what nobody foresaw with a "later", and without the error's words: they may hold anything."""
        log.warning("the receiver stumbled: %s", type(error).__name__)
        return "451 4.3.0 Please try again later"


def _for_each(server: SMTP, envelope: Envelope, answer: str) -> str:
    return "\r\n".join([answer] * (len(envelope.rcpt_tos) if isinstance(server, LMTP) else 1))


class SmtpServer(SMTP):
    """One connection; beyond the most it is turned away before it says a word."""

    line_length_limit = _LONGEST_LINE
    _turned_away = False

    @property
    def _open(self) -> set[SMTP]:
        return cast(ReturnedMailHandler, self.event_handler).open

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or turn it away."""
        if len(self._open) >= MOST_CONNECTIONS:
            self._turned_away = True
            way_out = cast(asyncio.Transport, transport)
            way_out.write(_FULL)
            way_out.close()
            return
        self._open.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Make room for the next one."""
        if not self._turned_away:
            self._open.discard(self)
            super().connection_lost(error)


class LmtpServer(SmtpServer, LMTP):
    """The same in LMTP: an answer for each recipient after DATA, whoever gives it."""

    async def push(self, status: Any) -> None:
        """Say it; a refusal at the end of DATA once for each recipient (RFC 2033 §4.2)."""
        if isinstance(status, str) and status.startswith(_TOO_LARGE) and self.envelope is not None:
            status = _for_each(self, self.envelope, status)
        await super().push(status)
