"""The composition root: every part is made here, from settings, and can be overridden by tests."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from celery import Celery
from sqlalchemy import Engine

from newsletter.adapters.celery_app import create_celery
from newsletter.adapters.celery_queue import CeleryQueue
from newsletter.clock import Clock, SystemClock
from newsletter.db.session import Sessions, create_database_engine, create_reading_sessions, create_sessions
from newsletter.delivery.outgoing import MailRoom
from newsletter.delivery.service import SendingParts
from newsletter.delivery.smtp.target import SmtpTarget
from newsletter.jobs import JobQueue
from newsletter.rendering.tokens import Keyring
from newsletter.settings import Settings


@dataclass(frozen=True)
class Container:
    """The parts of one installation. `keyring` asks for the secret only when it is first used."""

    settings: Settings
    engine: Engine
    sessions: Sessions
    reading_sessions: Sessions
    celery: Celery
    queue: JobQueue
    clock: Clock

    @cached_property
    def keyring(self) -> Keyring:
        """Signers for links, return paths and message-ids."""
        return Keyring(self.settings.secret)

    @cached_property
    def sending(self) -> SendingParts:
        """What the delivery stage needs of this installation."""
        settings = self.settings
        return SendingParts(
            sessions=self.sessions,
            queue=self.queue,
            clock=self.clock,
            room=MailRoom(self.keyring, settings.base_url, settings.bounce_domain),
            target=SmtpTarget.from_url(settings.smtp_url),
            data_dir=settings.data_dir,
            connections=settings.smtp_connections,
        )

    def dispose(self, *, close: bool = True) -> None:
        """Give up database connections; `close=False` in a forked child, whose sockets belong to the parent."""
        self.engine.dispose(close=close)


def build_container(settings: Settings, **overrides: Any) -> Container:
    """Make every part from settings; `overrides` replaces parts by name."""
    engine = overrides.pop("engine", None) or create_database_engine(settings.sqlalchemy_url)
    celery = overrides.pop("celery", None) or create_celery(settings)
    parts: dict[str, Any] = {
        "settings": settings,
        "engine": engine,
        "sessions": create_sessions(engine),
        "reading_sessions": create_reading_sessions(engine),
        "celery": celery,
        "queue": CeleryQueue(celery),
        "clock": SystemClock(),
    }
    return Container(**(parts | overrides))
