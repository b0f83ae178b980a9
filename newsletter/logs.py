"""Logs: one line each on standard error, without local variables, which hold addresses."""

from __future__ import annotations

import sys
from typing import Any


def configure_logs() -> None:
    """Send every log line to standard error; standard output belongs to what a command was asked for."""
    import structlog

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(
                key_order=["timestamp", "level", "event"], bool_as_flag=False
            ),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


class Logger:
    """A structlog logger that is made at its first line: structlog and rich cost a short command 0.2 s."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, level: str) -> Any:
        import structlog

        return getattr(structlog.get_logger(module=self._name), level)


def logger(name: str) -> Logger:
    """Return the logger of a module."""
    return Logger(name)
