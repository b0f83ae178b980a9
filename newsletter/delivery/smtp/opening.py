"""The dialogue before the first message: greeting, EHLO, TLS, sign-in; and the goodbye (RFC 5321, 3207, 4954, 2033)."""

from __future__ import annotations

import base64
import contextlib
import socket
import ssl
from functools import lru_cache

from newsletter.delivery.smtp.connection import SmtpConnection
from newsletter.delivery.smtp.replies import Reply
from newsletter.delivery.smtp.target import SmtpTarget
from newsletter.delivery.smtp.trouble import GOODBYE_SECONDS, GREETING_SECONDS, ConnectionTrouble


async def open_connection(target: SmtpTarget, *, helo: str | None = None) -> SmtpConnection:
    """Connect, greet, secure and sign in. Certificates are always verified.

    :raises ConnectionTrouble: with the reason in words.
    """
    context = _tls_context() if target.security != "none" else None
    connection = await SmtpConnection.connect(target, context if target.security == "tls" else None)
    try:
        await _begin(connection, helo or _own_name(), context)
    except BaseException:
        connection.abort()
        raise
    return connection


@lru_cache(1)
def _tls_context() -> ssl.SSLContext:
    """Loading the certificates of the system costs 20 ms: once per process."""
    return ssl.create_default_context()


@lru_cache(1)
def _own_name() -> str:
    """`getfqdn` may ask DNS: once per process."""
    return socket.getfqdn()


async def _begin(connection: SmtpConnection, helo: str, context: ssl.SSLContext | None) -> None:
    target = connection.target
    _expect(connection, await connection.reply(GREETING_SECONDS), 220, "greeting")
    await _hello(connection, helo)
    if target.security == "starttls" and context is not None:
        if "STARTTLS" not in connection.extensions:
            raise ConnectionTrouble(f"{target.host} offers no STARTTLS; refusing to send in the clear.")
        _expect(connection, await connection.command("STARTTLS"), 220, "STARTTLS")
        await connection.start_tls(context)
        await _hello(connection, helo)
    if target.username:
        await _sign_in(connection)


async def _hello(connection: SmtpConnection, helo: str) -> None:
    verb = "LHLO" if connection.target.lmtp else "EHLO"
    reply = await connection.command(f"{verb} {helo}")
    if 500 <= reply.code < 600 and not connection.target.lmtp:
        reply = await connection.command(f"HELO {helo}")
    _expect(connection, reply, 250, verb)
    connection.extensions = offered(reply)


def offered(reply: Reply) -> dict[str, str]:
    """Return the extensions of an EHLO reply: keyword in capitals → its parameters (RFC 5321 §4.1.1.1)."""
    pairs = (line.partition(" ") for line in reply.lines[1:])
    return {word.upper(): rest.strip() for word, _, rest in pairs if word}


async def _sign_in(connection: SmtpConnection) -> None:
    user, password = connection.target.username, connection.target.password
    mechanisms = connection.extensions.get("AUTH", "").upper().split()
    if "LOGIN" in mechanisms and "PLAIN" not in mechanisms:
        _expect(connection, await connection.command("AUTH LOGIN"), 334, "AUTH")
        _expect(connection, await connection.command(_b64(user)), 334, "AUTH")
        reply = await connection.command(_b64(password))
    else:
        reply = await connection.command("AUTH PLAIN " + _b64(f"\0{user}\0{password}"))
    _expect(connection, reply, 235, "sign-in")


def _expect(connection: SmtpConnection, reply: Reply, code: int, what: str) -> None:
    if reply.code != code:
        raise ConnectionTrouble(f"{connection.target.host} answered {reply.line} to the {what}.")


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")


async def say_goodbye(connection: SmtpConnection) -> None:
    """Send QUIT and close; never raises."""
    with contextlib.suppress(ConnectionTrouble):
        await connection.command("QUIT", within=GOODBYE_SECONDS)
    connection.abort()
