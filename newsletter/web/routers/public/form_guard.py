"""What keeps machines off the public form without asking people for anything: a stamp, a trap, a limit (S10)."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from typing import Final

from itsdangerous import BadSignature, TimestampSigner

#: A person needs at least this long to type an address.
LEAST_SECONDS: Final = 2
MOST_SECONDS: Final = 24 * 3600
_SALT: Final = "subscribe-form"
_MOST_SOURCES: Final = 20_000


def stamp(secret: bytes, slug: str) -> str:
    """Return the hidden proof of when a form for the list was shown."""
    return TimestampSigner(secret, salt=_SALT).sign(slug).decode()


def is_fresh(secret: bytes, slug: str, given: str) -> bool:
    """Return whether the form was shown for this list, not this very moment and not days ago."""
    signer = TimestampSigner(secret, salt=_SALT)
    try:
        shown_for, at = signer.unsign(given, max_age=MOST_SECONDS, return_timestamp=True)
    except BadSignature:
        return False
    return shown_for == slug.encode() and signer.get_timestamp() - int(at.timestamp()) >= LEAST_SECONDS


class Limiter:
    """Counts what each source did in the last `seconds`; remembers a bounded number of sources."""

    def __init__(self, most: int, seconds: float) -> None:
        """Allow `most` within `seconds`."""
        self._most, self._seconds = most, seconds
        self._times: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def allows(self, source: str, now: float) -> bool:
        """Count one more of `source` and return whether that is still within the limit."""
        with self._lock:
            times = self._times.setdefault(source, deque())
            self._times.move_to_end(source)
            while len(self._times) > _MOST_SOURCES:
                self._times.popitem(last=False)
            while times and times[0] <= now - self._seconds:
                times.popleft()
            if len(times) >= self._most:
                return False
            times.append(now)
            return True


def network_of(ip: str) -> str:
    """Return what one household or office shares: the address for IPv4, the /64 for IPv6."""
    return ":".join(ip.split(":")[:4]) if ":" in ip else ip
