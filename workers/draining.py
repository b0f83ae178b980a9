"""A worker that is told to stop begins nothing new: SIGTERM reaches the main process, which tells its children.

Celery waits for running tasks, up to 25 seconds of sending each. With this a rolling restart takes one or two.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import Any

from billiard.process import active_children
from celery.signals import worker_process_init, worker_shutting_down

from newsletter.delivery.sending.engine import draining

#: Free for us: Celery and billiard use TERM, QUIT, INT, HUP and USR1.
_SIGNAL = signal.SIGUSR2


def connect() -> None:
    """Listen to Celery's signals, in the main process and in each child."""
    worker_process_init.connect(_listen, weak=False)
    worker_shutting_down.connect(_tell_children, weak=False)


def _listen(**_: Any) -> None:
    signal.signal(_SIGNAL, lambda *_: draining.set())


def _tell_children(**_: Any) -> None:
    for child in active_children():
        with suppress(ProcessLookupError):
            os.kill(child.pid, _SIGNAL)
