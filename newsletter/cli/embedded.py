"""Embedded work: worker and beat as threads of this process, with a lock so that only one process does it."""

from __future__ import annotations

import fcntl
import importlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from newsletter.errors import Unavailable

if TYPE_CHECKING:
    from newsletter.bootstrap import Container

WORKER_THREADS = 4
START_SECONDS = 30
POLL_SECONDS = 0.1
#: What another command leaves for these is taken up within two seconds. All else keeps its pace: ticking everything each
#: second kept an idle machine busy for a tenth of its time.
PROMPT = ("sweep-deliveries", "sweep-feedback")
PROMPT_SECONDS = 1.0


@contextmanager
def data_lock(data_dir: Path) -> Iterator[bool]:
    """Hold the lock of the data directory; yields False when another process has it."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "up.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield True


@contextmanager
def embedded_workers(parts: Container) -> Iterator[None]:
    """Run a Celery worker (threads) and beat on `memory://` until the block ends.

    The workers package is found by name: nothing in `newsletter` imports it.
    """
    app = importlib.import_module("workers.factory").create_worker_app(parts)
    app.conf.beat_schedule = _prompt(app.conf.beat_schedule)
    controller, ready = _controller(app)
    beat = importlib.import_module("celery.beat")
    ticker = beat.Service(app, scheduler_cls=beat.Scheduler, max_interval=1)
    threading.Thread(target=controller.start, name="worker", daemon=True).start()
    if not ready.wait(START_SECONDS):
        raise Unavailable("The embedded worker did not start within 30 seconds.")
    threading.Thread(
        target=ticker.start, kwargs={"embedded_process": False}, name="beat", daemon=True
    ).start()
    try:
        yield
    finally:
        ticker.stop(wait=False)
        controller.stop()


def _prompt(schedule: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        name: entry | {"schedule": PROMPT_SECONDS} if name in PROMPT else entry
        for name, entry in schedule.items()
    }


def _controller(app: Any) -> tuple[Any, threading.Event]:
    """Make the worker from WorkController: `app.Worker` installs signal handlers, for the main thread only."""
    ready = threading.Event()

    class EmbeddedWorker(app.WorkController):  # type: ignore[misc]
        def on_consumer_ready(self, _consumer: Any) -> None:
            ready.set()

    controller = EmbeddedWorker(
        pool_cls="threads",
        concurrency=WORKER_THREADS,
        hostname=f"embedded-{os.getpid()}@localhost",
        without_heartbeat=True,
        without_mingle=True,
        without_gossip=True,
    )
    return controller, ready


def work_until(parts: Container, is_done: Callable[[], bool]) -> None:
    """Wait until `is_done()`. Embedded and with nobody else at work (any more), do the work here meanwhile."""
    with ExitStack() as stack:
        works_here = not parts.settings.embedded
        while not is_done():
            works_here = works_here or _take_over(parts, stack)
            time.sleep(POLL_SECONDS)


def _take_over(parts: Container, stack: ExitStack) -> bool:
    """Start to work here unless another process holds the lock; it may be killed while we wait for it."""
    if not stack.enter_context(data_lock(parts.settings.data_dir)):
        return False
    if parts.settings.uses_catcher:
        stack.enter_context(catcher(parts))
    stack.enter_context(embedded_workers(parts))
    return True


@contextmanager
def catcher(parts: Container, **behaviour: Any) -> Iterator[Any]:
    """Run the mail catcher on its port until the block ends; `behaviour` as in `adapters.catcher`."""
    from newsletter.adapters.catcher import Catcher

    settings = parts.settings
    caught = Catcher(settings.data_dir / "catcher", port=settings.catcher_port, **behaviour)
    caught.start()
    try:
        yield caught
    finally:
        caught.stop()
