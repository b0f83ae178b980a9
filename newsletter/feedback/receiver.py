"""The receiver for returned mail: SMTP on one port, LMTP on the next. Answers 250 only after the mail is committed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar, cast

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from newsletter.clock import Clock
from newsletter.db.session import Sessions, unit_of_work
from newsletter.errors import Unavailable
from newsletter.feedback.return_address import parse_return_address
from newsletter.feedback.storing import LARGEST, take_in
from newsletter.jobs import JobQueue

T = TypeVar("T")

_SECONDS: Final = 20
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


class _ServerThread:
    """Both servers on one event loop, in a thread of its own."""

    def __init__(self, handler: ReturnedMailHandler) -> None:
        self._handler = handler
        self._servers: list[asyncio.Server] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="receiver", daemon=True)
        self._thread.start()

    def listen(self, protocol: type[SMTP], host: str, port: int) -> None:
        """Listen on a port.

        :raises Unavailable: when the port is taken.
        """
        try:
            self._servers.append(self._wait_for(self._listen(protocol, host, port)))
        except OSError as error:
            raise Unavailable(f"The receiver cannot listen on port {port}: {error.strerror}.") from None

    async def _listen(self, protocol: type[SMTP], host: str, port: int) -> asyncio.Server:
        def connection() -> SMTP:
            return protocol(
                self._handler,
                data_size_limit=LARGEST,
                enable_SMTPUTF8=True,
                ident="returned mail",
                loop=self._loop,
            )

        return await self._loop.create_server(connection, host, port)

    def stop(self) -> None:
        """Close the ports and what is connected; a mail whose answer was not given comes again."""
        self._wait_for(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_SECONDS)
        self._loop.close()

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        others = asyncio.all_tasks() - {cast("asyncio.Task[Any]", asyncio.current_task())}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_SECONDS)


@contextmanager
def running(
    sessions: Sessions, queue: JobQueue, clock: Clock, *, host: str, port: int, bounce_domain: str = ""
) -> Iterator[None]:
    """Receive returned mail until the block ends, over SMTP on `port` and LMTP on the next; without a bounce domain, for any.

    :raises Unavailable: when a port is taken.
    """
    thread = _ServerThread(ReturnedMailHandler(sessions, queue, clock, bounce_domain))
    try:
        thread.listen(_SmtpServer, host, port)
        thread.listen(_LmtpServer, host, port + 1)
        yield
    finally:
        thread.stop()
