"""The composition root: every part is made here, from settings, and can be overridden by tests."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine

from newsletter.adapters.celery_queue import CeleryQueue
from newsletter.clock import Clock, SystemClock
from newsletter.db.session import Sessions, create_database_engine, create_reading_sessions, create_sessions
from newsletter.jobs import JobQueue
from newsletter.rendering.tokens import Keyring
from newsletter.settings import Settings

if TYPE_CHECKING:
    from celery import Celery

    from newsletter.delivery.dkim.publishing import TxtLookup
    from newsletter.delivery.limits.limiter import Limiter
    from newsletter.delivery.limits.service import Limits
    from newsletter.delivery.service import SendingParts
    from newsletter.feedback.engagement.desk import ClickDesk
    from newsletter.feedback.mailboxes.place import MailboxPlace
    from newsletter.feedback.webhooks.receiving import Doorkeeper
    from newsletter.sealing import Sealer


@dataclass(frozen=True)
class Container:
    """The parts of one installation. `keyring` asks for the secret only when it is first used.

    Celery and the delivery stage are imported by who uses them: they are two thirds of a short command's start.
    """

    settings: Settings
    engine: Engine
    sessions: Sessions
    reading_sessions: Sessions
    queue: JobQueue
    clock: Clock

    @cached_property
    def celery(self) -> Celery:
        """The Celery application."""
        from newsletter.adapters.celery_app import create_celery

        return create_celery(self.settings)

    @cached_property
    def keyring(self) -> Keyring:
        """Signers for links, return paths and message-ids."""
        return Keyring(self.settings.secret)

    @cached_property
    def sealer(self) -> Sealer:
        """Seals relay passwords, DKIM keys and the secrets of webhooks."""
        from newsletter.sealing import Sealer

        return Sealer(self.settings.secret)

    @cached_property
    def doorkeeper(self) -> Doorkeeper:
        """Verifies what providers send by webhook."""
        from newsletter.adapters.http_client import SafeHttpClient
        from newsletter.adapters.sns_certificates import SnsCertificates
        from newsletter.feedback.webhooks.receiving import Doorkeeper

        certificates = SnsCertificates(SafeHttpClient().fetch_bytes)
        return Doorkeeper(self.sealer, self.queue, self.settings.base_url, certificates)

    @cached_property
    def txt_lookup(self) -> TxtLookup:
        """Asks DNS for the records of DKIM keys."""
        from newsletter.adapters.txt_lookup import DnsTxtLookup

        return DnsTxtLookup()

    @cached_property
    def mailbox(self) -> MailboxPlace | None:
        """The mailbox that returned mail is fetched from, if any.

        :raises ConfigurationError: when its URL names none, or one that is unsafe to use.
        """
        from newsletter.feedback.mailboxes.place import parse_place

        settings = self.settings
        if not settings.mailbox_url:
            return None
        return parse_place(
            settings.mailbox_url, password=settings.mailbox_password, after=settings.mailbox_after
        )

    @cached_property
    def sending(self) -> SendingParts:
        """What the delivery stage needs of this installation."""
        from newsletter.delivery.sending.outgoing import MailRoom
        from newsletter.delivery.service import SendingParts
        from newsletter.delivery.smtp.target import SmtpTarget
        from newsletter.feedback.webhooks.carrying import carriers_for

        settings = self.settings
        return SendingParts(
            sessions=self.sessions,
            queue=self.queue,
            clock=self.clock,
            room=MailRoom(
                self.keyring,
                self.sealer,
                settings.base_url,
                settings.bounce_domain,
                settings.instance_id,
                carriers_for,
            ),
            target=SmtpTarget.from_url(settings.smtp_url),
            data_dir=settings.data_dir,
            connections=settings.smtp_connections,
            limits=self.limits,
        )

    @cached_property
    def clicks(self) -> ClickDesk:
        """Answers followed links and takes their hits; one per process."""
        from newsletter.feedback.engagement.desk import ClickDesk

        return ClickDesk.of(self.sessions, self.reading_sessions, self.keyring.recipient, self.clock)

    @cached_property
    def limits(self) -> Limits:
        """Limits, breakers and groups: in Redis when there is one, else in the database."""
        from newsletter.delivery.limits.service import Limits

        return Limits(self.sessions, self.reading_sessions, self.clock, self._limiter())

    def _limiter(self) -> Limiter:
        if self.settings.limiter_url:
            from newsletter.adapters.redis_limits import RedisLimiter

            return RedisLimiter(self.settings.limiter_url, clock=self.clock)
        from newsletter.delivery.limits.stored import StoredLimiter

        return StoredLimiter(self.sessions, self.reading_sessions, self.clock)

    def dispose(self, *, close: bool = True) -> None:
        """Give up database connections; `close=False` in a forked child, whose sockets belong to the parent."""
        self.engine.dispose(close=close)


def build_container(settings: Settings, **overrides: Any) -> Container:
    """Make every part from settings; `overrides` replaces parts by name."""
    engine = overrides.pop("engine", None) or create_database_engine(settings.sqlalchemy_url)
    parts: dict[str, Any] = {
        "settings": settings,
        "engine": engine,
        "sessions": create_sessions(engine),
        "reading_sessions": create_reading_sessions(engine),
        "queue": CeleryQueue(lambda: made.celery),
        "clock": SystemClock(),
    }
    made = Container(**(parts | overrides))
    return made
