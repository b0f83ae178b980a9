"""Hits on their way to the database: added in no time, written once a second by one thread.

Killed without warning a process loses what it has not written: at most the last second. Ended in order it writes first.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from newsletter.errors import Unavailable
from newsletter.logs import logger

log = logger(__name__)

EVERY_SECONDS: Final = 1.0
#: About 30 MB. What comes beyond is not counted; whoever followed the link does not notice.
MOST_HITS: Final = 100_000


class PendingHit(NamedTuple):
    """One request. The same link of the same mail with the same signals counts once in a batch."""

    delivery_id: int
    link_id: int | None
    signals: int


Batch = dict[PendingHit, datetime]


class HitBuffer:
    """Collects hits and hands them to `write` in batches; a batch that cannot be written is kept for the next turn."""

    def __init__(self, write: Callable[[Batch], None], every_seconds: float = EVERY_SECONDS) -> None:
        self._write, self._every = write, every_seconds
        self._hits: Batch = {}
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self.dropped = 0

    def add(self, hit: PendingHit, at: datetime) -> None:
        """Take a hit; never waits for the database."""
        with self._lock:
            if len(self._hits) >= MOST_HITS:
                self.dropped += 1
                return
            self._hits.setdefault(hit, at)
            if self._thread is None and not self._ending.is_set():
                self._thread = threading.Thread(target=self._run, name="hits", daemon=True)
                self._thread.start()

    def flush(self) -> bool:
        """Write what there is; False when the database did not take it."""
        with self._writing:
            with self._lock:
                batch, self._hits = self._hits, {}
                dropped, self.dropped = self.dropped, 0
            if dropped:
                log.warning("hits_dropped", count=dropped)
            return not batch or self._written(batch)

    def close(self) -> None:
        """Write what there is and end."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join()
        self.flush()

    def _run(self) -> None:
        while not self._ending.wait(self._every):
            self.flush()

    def _written(self, batch: Batch) -> bool:
        try:
            self._write(batch)
        except (SQLAlchemyError, Unavailable) as error:
            log.warning("hits_not_written", count=len(batch), error=str(error)[:200])
            self._take_back(batch)
            return False
        except Exception as error:  # the thread must outlive a batch that nothing can write
            log.error("hits_lost", count=len(batch), error=repr(error)[:200])
            return False
        return True

    def _take_back(self, batch: Batch) -> None:
        with self._lock:
            for hit, at in batch.items():
                if len(self._hits) >= MOST_HITS:
                    self.dropped += 1
                else:
                    self._hits[hit] = at
