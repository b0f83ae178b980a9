"""Engines, sessions and `unit_of_work()`: the only place that commits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

from newsletter.errors import Unavailable
from newsletter.jobs import JobArgument, JobName, JobQueue

Sessions = sessionmaker[Session]
_AFTER_COMMIT = "after_commit"
SQLITE_PRAGMAS = (
    "journal_mode=wal", "synchronous=full", "busy_timeout=15000", "foreign_keys=on", "cache_size=-65536",
    "temp_store=memory",
)  # fmt: skip


def create_database_engine(url: str, **options: Any) -> Engine:
    """Create an engine; SQLite gets WAL, full sync (an intent must survive power loss) and foreign keys.

    :raises Unavailable: when the folder of a SQLite database cannot be made.
    """
    parsed = make_url(url)
    options.setdefault("hide_parameters", True)  # they hold addresses, and errors go to logs
    if parsed.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True, pool_size=10, max_overflow=20, **options)
    if parsed.database and parsed.database != ":memory:":
        try:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Unavailable(
                f"Cannot make the folder of the database {parsed.database}: {error.strerror}."
            ) from None
    engine = create_engine(url, connect_args={"timeout": 15, "check_same_thread": False}, **options)
    event.listen(engine, "connect", _apply_pragmas)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def _apply_pragmas(connection: Any, _record: Any) -> None:
    # The driver's own implicit BEGIN is switched off: it would start a read transaction that cannot be
    # upgraded while another thread writes ("database is locked" at once, whatever the busy timeout says).
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in SQLITE_PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_immediate(connection: Any) -> None:
    mode = "" if connection.get_execution_options().get("sqlite_read_only") else " IMMEDIATE"
    connection.exec_driver_sql("BEGIN" + mode)


def create_sessions(engine: Engine) -> Sessions:
    """Return the session factory that everything uses; loaded objects stay readable after the commit."""
    return sessionmaker(engine, expire_on_commit=False)


def create_reading_sessions(engine: Engine) -> Sessions:
    """Return sessions for reading: on SQLite they do not take the writer's lock."""
    return sessionmaker(engine.execution_options(sqlite_read_only=True), expire_on_commit=False)


@contextmanager
def unit_of_work(sessions: Sessions) -> Iterator[Session]:
    """One transaction: commit at the end, roll back on any error, then send the jobs that were asked for.

    :raises Unavailable: when the database cannot be reached.
    """
    session = sessions()
    try:
        yield session
        session.commit()
    except OperationalError as error:
        session.rollback()
        raise Unavailable(database_sentence(error)) from error
    except BaseException:
        session.rollback()
        raise
    finally:
        callbacks = session.info.pop(_AFTER_COMMIT, [])
        session.close()
    for callback in callbacks:
        callback()


def database_sentence(error: DBAPIError) -> str:
    """Return what is wrong with the database as a sentence that says what to do."""
    reason = (str(error.orig).strip().splitlines() or ["no reason given"])[0][:200]
    if "no such table" in reason or "does not exist" in reason or "no such column" in reason:
        return "The database is not ready: run 'newsletter db upgrade' first."
    return f"The database does not answer: {reason}"


def after_commit(session: Session, callback: Callable[[], None]) -> None:
    """Run `callback` once the unit of work has committed; never when it rolls back."""
    session.info.setdefault(_AFTER_COMMIT, []).append(callback)


def enqueue_after_commit(session: Session, queue: JobQueue, job: JobName, **arguments: JobArgument) -> None:
    """Send a job only when its rows are there to be found."""
    after_commit(session, lambda: queue.enqueue(job, **arguments))
