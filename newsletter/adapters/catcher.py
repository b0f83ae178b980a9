"""The mail catcher: an SMTP server for the machine itself that accepts mail, delivers nothing and keeps it to be read.

What `refuse` says about an address is the answer to its RCPT, so that a demonstration or a test has refusals too.
"""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Final

from newsletter.adapters.catcher_protocol import CatcherProtocol, Refuse
from newsletter.adapters.caught_mail import CaughtMail, CaughtMailWriter, list_messages, read_message
from newsletter.errors import Unavailable

__all__ = ["Catcher", "CaughtMail", "list_messages", "read_message"]

HOST: Final = "127.0.0.1"
KEEP: Final = 20_000
_SECONDS: Final = 10


class Catcher:
    """Runs the server in a thread of its own, on the loopback address only; of old mail the newest `keep` stay."""

    def __init__(self, folder: Path, *, port: int, refuse: Refuse | None = None, keep: int = KEEP) -> None:
        self._folder, self._port, self._keep = folder, port, keep
        self._refuse = refuse or (lambda _address: None)
        self._connected: set[asyncio.Transport] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="catcher", daemon=True)

    def start(self) -> None:
        """Listen; returns when the port answers.

        :raises Unavailable: when the port or the folder cannot be had.
        """
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(_SECONDS)
        except OSError as error:
            self.stop()
            raise Unavailable(
                f"The mail catcher cannot listen on port {self._port}: {error.strerror}."
            ) from None

    async def _listen(self) -> None:
        writer = CaughtMailWriter(self._folder, self._keep)
        self._server = await self._loop.create_server(
            lambda: CatcherProtocol(writer, self._refuse, self._connected), HOST, self._port, backlog=512
        )

    def stop(self) -> None:
        """Close the port and every connection; what was answered with 250 stays in the folder."""
        if not self._thread.is_alive():
            return
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_SECONDS)
        self._loop.close()

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        for transport in list(self._connected):
            transport.abort()
        await asyncio.sleep(0)
