"""The receiver for returned mail: SMTP on one port, LMTP on the next."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar, cast

from aiosmtpd.smtp import SMTP

from newsletter.clock import Clock
from newsletter.db.session import Sessions
from newsletter.errors import Unavailable
from newsletter.feedback.receiver_protocol import LmtpServer, ReturnedMailHandler, SmtpServer
from newsletter.feedback.storing import LARGEST
from newsletter.jobs import JobQueue

T = TypeVar("T")

_SECONDS: Final = 20
#: For each command, and for the whole of a mail.
_PATIENCE_SECONDS: Final = 120


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
                timeout=_PATIENCE_SECONDS,
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
    sessions: Sessions,
    queue: JobQueue,
    clock: Clock,
    *,
    host: str,
    port: int,
    bounce_domain: str = "",
    also_for: frozenset[str] = frozenset(),
    apply: Callable[[int], object] = lambda _mail_id: None,
) -> Iterator[None]:
    """Receive returned mail until the block ends, over SMTP on `port` and LMTP on the next; `apply` it after the answer.

    :raises Unavailable: when a port is taken.
    """
    thread = _ServerThread(ReturnedMailHandler(sessions, queue, clock, bounce_domain, also_for, apply))
    try:
        thread.listen(SmtpServer, host, port)
        thread.listen(LmtpServer, host, port + 1)
        yield
    finally:
        thread.stop()
