"""The long-running processes and `doctor`."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import typer

from newsletter.cli.support import container, fail, print_json, say

if TYPE_CHECKING:
    from newsletter.bootstrap import Container

app = typer.Typer(rich_markup_mode=None, help="Run the parts of an installation.")


@app.command(epilog="Example: newsletter up --port 8025")
def up(
    port: int = typer.Option(0, help="Port of the web app; default NEWSLETTER_WEB_PORT."),
    host: str = typer.Option("127.0.0.1", help="Address to listen on."),
) -> None:
    """Run web, worker, beat, mail catcher and receiver in this one process."""
    from newsletter.cli.embedded import data_lock
    from newsletter.db import migrate

    parts = container()
    if not parts.settings.embedded:
        fail(
            "'up' runs everything in one process with the broker memory://; with a real broker use serve, worker and beat."
        )
    with data_lock(parts.settings.data_dir) as free:
        if not free:
            fail(
                f"Another process already works on {parts.settings.data_dir}: stop it first, or set NEWSLETTER_DATA_DIR."
            )
        migrate.upgrade(parts.engine)
        serve_everything(parts, host=host, port=port or parts.settings.web_port)


def serve_everything(parts: Container, *, host: str, port: int) -> None:
    """Serve the web app with worker, beat, catcher and receiver beside it; the caller holds the data lock."""
    from newsletter.cli.embedded import catcher, embedded_workers

    with ExitStack() as stack:
        if parts.settings.uses_catcher:
            stack.enter_context(catcher(parts))
        stack.enter_context(running_receiver(parts, host="127.0.0.1", port=parts.settings.receiver_port))
        stack.enter_context(embedded_workers(parts))
        say(f"Open {parts.settings.base_url}/admin/")
        for line in sign_in_lines(parts):
            say(line)
        _serve(parts, host=host, port=port)


def running_receiver(parts: Container, *, host: str, port: int) -> Any:
    """Return a context in which the receiver for returned mail runs."""
    from newsletter.feedback.receiver import running
    from newsletter.feedback.service import apply_or_set_aside

    return running(
        parts.sessions,
        parts.queue,
        parts.clock,
        host=host,
        port=port,
        bounce_domain=parts.settings.bounce_domain,
        also_for=parts.settings.receives_for,
        apply=lambda mail_id: apply_or_set_aside(
            parts.sessions, mail_id, keyring=parts.keyring, now=parts.clock.now()
        ),
    )


def sign_in_lines(parts: Container) -> list[str]:
    """Make the one-time link that signs the first administrator in."""
    from newsletter.accounts.service import create_sign_in_link, ensure_admin
    from newsletter.db.session import unit_of_work

    with unit_of_work(parts.sessions) as session:
        admin = ensure_admin(session, now=parts.clock.now())
        token = create_sign_in_link(session, admin, now=parts.clock.now())
    return [f"Sign in once, within 30 minutes: {parts.settings.base_url}/sign-in/{token}"]


def _serve(parts: Container, *, host: str, port: int) -> None:
    import uvicorn

    from newsletter.web.app import create_app

    trusted = parts.settings.trusted_proxies
    uvicorn.run(
        create_app(parts),
        host=host,
        port=port,
        log_level="warning",
        # Without a trusted proxy nobody can choose the address that sign-in's limit counts by.
        proxy_headers=bool(trusted),
        forwarded_allow_ips=trusted or None,
        server_header=False,
    )


@app.command(epilog="Example: newsletter serve --port 8025")
def serve(
    port: int = typer.Option(0, help="Port; default NEWSLETTER_WEB_PORT."),
    host: str = typer.Option("127.0.0.1", help="Address to listen on."),
) -> None:
    """Serve the web app (production; behind a proxy that ends TLS)."""
    parts = container()
    _ = parts.settings.secret  # fail before listening, not at the first request
    _serve(parts, host=host, port=port or parts.settings.web_port)


def _celery(arguments: list[str]) -> None:
    celery_app: Any = importlib.import_module("workers.app").app
    celery_app.start(argv=arguments)


@app.command(epilog="Example: newsletter worker --concurrency 2")
def worker(
    concurrency: int = typer.Option(2, min=1, max=64, help="Number of prefork processes."),
    loglevel: str = typer.Option("INFO", help="Celery's log level."),
) -> None:
    """Run a Celery worker: the same as `celery -A workers.app worker`. SIGTERM drains."""
    parts = container()
    if parts.settings.embedded:
        fail(
            "A worker of its own needs a broker: set NEWSLETTER_BROKER_URL=redis://…; embedded, 'newsletter up' works alone."
        )
    _ = parts.settings.secret
    _celery(
        [
            "worker",
            f"--concurrency={concurrency}",
            f"--loglevel={loglevel}",
            "-n",
            f"%h-{os.getpid()}",
            "--without-mingle",
        ]
    )


@app.command(epilog="Example: newsletter beat")
def beat(loglevel: str = typer.Option("INFO", help="Celery's log level.")) -> None:
    """Run the scheduler: it only ticks, so two of them do no harm."""
    if container().settings.embedded:
        fail(
            "Beat needs a broker: set NEWSLETTER_BROKER_URL=redis://…; embedded, 'newsletter up' ticks by itself."
        )
    _celery(["beat", f"--loglevel={loglevel}", "--scheduler", "celery.beat:Scheduler", "--pidfile="])


@app.command(epilog="Example: newsletter receive --port 8027")
def receive(
    port: int = typer.Option(
        0, help="Port for SMTP; LMTP listens on the next one. Default NEWSLETTER_RECEIVER_PORT."
    ),
    host: str = typer.Option("127.0.0.1", help="Address to listen on."),
) -> None:
    """Receive returned mail over SMTP (PORT) and LMTP (PORT + 1), store it and answer."""
    parts = container()
    port = port or parts.settings.receiver_port
    with running_receiver(parts, host=host, port=port):
        say(f"Receiving returned mail on {host}: SMTP {port}, LMTP {port + 1}.")
        stop = threading.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stop.set())
        stop.wait()


@app.command(epilog="Example: newsletter doctor --json")
def doctor(as_json: bool = typer.Option(False, "--json", help="Print JSON alone.")) -> None:
    """Check database, broker, SMTP, secret and templates; exit 1 when something is broken."""
    from newsletter.cli.checkup import examine

    findings = examine(container())
    if as_json:
        print_json([finding.__dict__ for finding in findings])
    else:
        for finding in findings:
            say(f"{finding.state:<5} {finding.what:<10} {finding.message}")
    sys.exit(any(finding.state == "bad" for finding in findings))
