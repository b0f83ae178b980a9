"""The only reader of the environment. Read by web, CLI and workers; inner code receives values."""

from __future__ import annotations

import hmac
import os
import secrets
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from newsletter.errors import ConfigurationError

PREFIX = "NEWSLETTER_"
SMTP_SCHEMES = ("smtp", "smtps", "smtp+starttls", "lmtp")
MAILBOX_SCHEMES = (
    "imaps://", "imap+starttls://", "imap://", "pop3s://", "pop3+starttls://", "pop3://", "maildir:///",
)  # fmt: skip
CATCHER_PORT = 8026


def _http_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be a http:// or https:// address with a host")
    return value.rstrip("/")


def _smtp_url(value: str) -> str:
    parts = urlsplit(value)
    if value and (parts.scheme not in SMTP_SCHEMES or not parts.hostname):
        raise ValueError(
            "must look like smtp://host:25, smtps://…, smtp+starttls://user:pass@host:587 or lmtp://…"
        )
    return value


def _mailbox_url(value: str) -> str:
    if value and not value.startswith(MAILBOX_SCHEMES):
        raise ValueError(f"must start with {', '.join(MAILBOX_SCHEMES)}")
    return value


class Settings(BaseSettings):
    """`NEWSLETTER_*` environment variables or a `.env` file. Unknown ones are an error."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", extra="ignore")

    data_dir: Path = Field(Path("var"), description="Where the embedded database, secret and journals live.")
    database_url: str = Field(
        "", description="sqlite:////abs/path or postgresql://…; default: SQLite in the data directory."
    )
    broker_url: str = Field(
        "memory://", description="Celery broker; memory:// means everything in one process (embedded)."
    )
    redis_url: str = Field("", description="Redis for shared limits; default: the broker when that is Redis.")
    smtp_url: Annotated[str, AfterValidator(_smtp_url)] = Field(
        "", description="The relay; default: the built-in mail catcher, wherever that listens."
    )
    smtp_connections: int = Field(20, ge=1, le=50, description="SMTP connections per sender process.")
    base_url: Annotated[str, AfterValidator(_http_url)] = Field(
        "http://127.0.0.1:8025",
        description="Public address of this installation; links in mail start with it.",
    )
    secret_key: str = Field(
        "", description="Signs links and sessions; generated when embedded, required otherwise."
    )
    instance: str = Field(
        "",
        max_length=64,
        description="Name of this installation, the same on every machine: a restored copy of its database sends "
        "nothing under another name. Default: embedded, a file in the data directory; else derived from secret and base URL.",
    )
    bounce_domain: str = Field(
        "", description="Domain of the VERP return path; default: the from-address's domain."
    )
    web_port: int = Field(8025, ge=1, le=65535, description="Port of the web app.")
    catcher_port: int = Field(CATCHER_PORT, ge=1, le=65535, description="SMTP port of the mail catcher.")
    receiver_port: int = Field(8027, ge=1, le=65535, description="Port of the receiver for returned mail.")
    receiver_addresses: str = Field(
        "",
        description="Comma-separated addresses that the receiver takes mail for beside the return paths, such as the "
        "one that feedback loops were told.",
    )
    mailbox_url: Annotated[str, AfterValidator(_mailbox_url)] = Field(
        "",
        description="Mailbox that returned mail is fetched from: imaps://user@host/INBOX (or imap+starttls://), "
        "pop3s://user@host (or pop3+starttls://), maildir:///path.",
    )
    mailbox_password: str = Field(
        "", description="Password of the mailbox, where it does not stand in the URL."
    )
    mailbox_after: Literal["delete", "keep"] = Field(
        "delete",
        description="What becomes of fetched mail once it is committed: delete, or keep (marked; not with POP3).",
    )
    mailbox_seconds: int = Field(
        60, ge=10, le=86400, description="Seconds between two visits to the mailbox."
    )
    returned_mail_days: int = Field(
        90, ge=7, le=3650, description="Days that the text of returned mail is kept; what it meant stays."
    )
    fetch_private_addresses: bool = Field(
        False, description="Allow imports from addresses that are not on the public internet."
    )
    trusted_proxies: str = Field(
        "", description="Comma-separated networks whose X-Forwarded-* headers are believed."
    )

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        if value and not value.startswith(
            ("sqlite:///", "postgresql://", "postgresql+psycopg://", "postgres://")
        ):
            raise ValueError("must start with sqlite:/// or postgresql://")
        return value

    @field_validator("broker_url")
    @classmethod
    def _known_broker(cls, value: str) -> str:
        if not value.startswith(
            ("memory://", "redis://", "rediss://", "redis+socket://", "amqp://", "amqps://")
        ):
            raise ValueError("must start with memory://, redis:// or amqp://")
        return value

    @model_validator(mode="after")
    def _relay_is_the_catcher(self) -> Settings:
        self.smtp_url = self.smtp_url or f"smtp://127.0.0.1:{self.catcher_port}"
        return self

    @property
    def embedded(self) -> bool:
        """True when worker, beat and web share one process, whatever the database is."""
        return self.broker_url.startswith("memory://")

    @property
    def receives_for(self) -> frozenset[str]:
        """The receiver's further addresses, in lower case."""
        return frozenset(each.strip().lower() for each in self.receiver_addresses.split(",") if each.strip())

    @property
    def limiter_url(self) -> str:
        """Redis for shared limits; empty when there is none and the database keeps the counters."""
        if self.redis_url:
            return self.redis_url
        return self.broker_url if self.broker_url.startswith(("redis://", "rediss://")) else ""

    @property
    def sqlalchemy_url(self) -> str:
        """The database URL in SQLAlchemy's words."""
        if not self.database_url:
            return f"sqlite:///{(self.data_dir / 'newsletter.db').absolute()}"
        for short in ("postgres://", "postgresql://"):
            if self.database_url.startswith(short):
                return "postgresql+psycopg://" + self.database_url.removeprefix(short)
        return self.database_url

    @property
    def uses_catcher(self) -> bool:
        """True when mail goes to the built-in catcher."""
        parts = urlsplit(self.smtp_url)
        return parts.hostname in ("127.0.0.1", "localhost", "::1") and parts.port == self.catcher_port

    @cached_property
    def secret(self) -> bytes:
        """The signing secret; asked for only by what signs or serves.

        :raises ConfigurationError: when it is missing in production or shorter than 16 characters.
        """
        if self.secret_key:
            if len(self.secret_key) < 16:
                raise ConfigurationError(f"{PREFIX}SECRET_KEY is too short: use at least 16 characters.")
            return self.secret_key.encode()
        if not self.embedded:
            raise ConfigurationError(
                f"{PREFIX}SECRET_KEY is not set: set it to a long random text, the same on every machine."
            )
        return _stored_text(self.data_dir / "secret")

    @cached_property
    def instance_id(self) -> str:
        """Which installation this is, compared with the database's before anything is sent (R16)."""
        if self.instance:
            return self.instance
        if self.embedded:
            return _stored_text(self.data_dir / "instance").decode()[:64]
        return hmac.digest(self.secret, b"instance " + self.base_url.encode(), "sha256").hex()[:32]


def _stored_text(path: Path) -> bytes:
    """Read a random text, making it once with mode 0600. Safe when two processes start at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _nonempty(path)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(48))
    return _nonempty(path)


def _nonempty(path: Path) -> bytes:
    value = path.read_bytes().strip()
    if len(value) < 16:
        raise ConfigurationError(
            f"The {path.name} in {path} is empty or damaged: restore it, or delete it to make a new one."
        )
    return value


def load_settings(**overrides: Any) -> Settings:
    """Read settings once, or say in one sentence which one is wrong.

    :raises ConfigurationError: for an invalid value or an unknown `NEWSLETTER_*` variable.
    """
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    unknown = sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)
    if unknown:
        raise ConfigurationError(
            f"Unknown setting {unknown[0]}: see the table of settings in docs/settings.md."
        )
    try:
        return Settings(**overrides)
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + str(first["loc"][0]).upper()
        raise ConfigurationError(
            f"{name} is invalid: {first['msg'].removeprefix('Value error, ')}."
        ) from None
