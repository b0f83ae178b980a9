"""The receiver for returned mail: SMTP on one port, LMTP on the next. Answers 250 only after the mail is committed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from aiosmtpd.controller import Controller
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from newsletter.clock import Clock
from newsletter.db.session import Sessions, unit_of_work
from newsletter.errors import Unavailable
from newsletter.feedback.return_address import parse_return_address
from newsletter.feedback.storing import LARGEST, take_in
from newsletter.jobs import JobQueue

_STORED: Final = "250 2.0.0 Taken in"
_LATER: Final = "451 4.3.0 The database does not answer; please try again later"
_MOST_RECIPIENTS: Final = 100
#: Returned HTML mail has lines far beyond RFC 5321's thousand; refusing it would lose the report above it.
_LONGEST_LINE: Final = 1024 * 1024


@dataclass(frozen=True)
class ReturnedMailHandler:
    """What the servers ask at RCPT and at the end of DATA."""

    sessions: Sessions
    queue: JobQueue
    clock: Clock
    bounce_domain: str

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Accept only what looks like a return path of ours."""
        found = parse_return_address(address)
        if found is None or (self.bounce_domain and found.domain != self.bounce_domain.lower()):
            return "550 5.1.1 No such return path here"
        if len(envelope.rcpt_tos) >= _MOST_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Store the mail for each recipient in one transaction, then answer; LMTP wants one answer each."""
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(None, partial(self.store, envelope))
        except Unavailable:
            answer = _LATER
        else:
            answer = _STORED
        return "\r\n".join([answer] * (len(envelope.rcpt_tos) if isinstance(server, LMTP) else 1))

    def store(self, envelope: Envelope) -> None:
        """Commit the mail.

        :raises Unavailable: when the database is gone; the sender keeps the mail and comes again.
        """
        raw = bytes(envelope.original_content or b"")
        with unit_of_work(self.sessions) as session:
            for recipient in envelope.rcpt_tos:
                take_in(
                    session,
                    self.queue,
                    raw,
                    recipient=recipient,
                    sender=envelope.mail_from or "",
                    now=self.clock.now(),
                )


class _SmtpServer(SMTP):
    line_length_limit = _LONGEST_LINE


class _LmtpServer(LMTP):
    line_length_limit = _LONGEST_LINE


class _Listener(Controller):
    """One port in a thread of its own."""

    def __init__(self, protocol: type[SMTP], handler: ReturnedMailHandler, **options: Any) -> None:
        super().__init__(handler, data_size_limit=LARGEST, ident="returned mail", **options)
        self._protocol = protocol

    def factory(self) -> SMTP:
        """Return the protocol of a new connection."""
        return self._protocol(self.handler, **self.SMTP_kwargs)


@contextmanager
def running(
    sessions: Sessions, queue: JobQueue, clock: Clock, *, host: str, port: int, bounce_domain: str = ""
) -> Iterator[None]:
    """Receive returned mail until the block ends; without a bounce domain, for any domain.

    :raises Unavailable: when a port is taken.
    """
    handler = ReturnedMailHandler(sessions, queue, clock, bounce_domain)
    with ExitStack() as stack:
        for protocol, number in ((_SmtpServer, port), (_LmtpServer, port + 1)):
            listener = _Listener(protocol, handler, hostname=host, port=number)
            _start(listener, number)
            stack.callback(listener.stop)
        yield


def _start(listener: _Listener, port: int) -> None:
    try:
        listener.start()
    except OSError as error:
        raise Unavailable(f"The receiver cannot listen on port {port}: {error.strerror}.") from None
