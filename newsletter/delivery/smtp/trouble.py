"""What can go wrong on a connection, and the time each step may take (RFC 5321 §4.5.3.2)."""

from __future__ import annotations

CONNECT_SECONDS = 20.0
GREETING_SECONDS = 60.0
COMMAND_SECONDS = 300.0
#: Without any progress while the body is on its way.
BLOCK_SECONDS = 180.0
DOT_SECONDS = 600.0
GOODBYE_SECONDS = 2.0


class ConnectionTrouble(Exception):
    """The relay cannot be used now; nobody's address is to blame. No final dot was written for the current message."""
