"""Read an answer's body within bounds of time and size, also after unpacking: a small bomb stays small."""

from __future__ import annotations

import time
import zlib

import httpx

from newsletter.errors import InvalidInput, Unavailable

MOST_BYTES = 20 * 1024 * 1024


def read_body(response: httpx.Response, end: float) -> bytes:
    """Return the whole body, unpacked.

    :raises InvalidInput: when it is too large or packed in a way we did not ask for.
    :raises Unavailable: when it takes longer than until `end`, or is damaged.
    """
    body = _Body(response.headers.get("content-encoding", "identity").strip().lower())
    for chunk in response.iter_raw(65536):
        body.add(chunk)
        if time.monotonic() > end:
            raise Unavailable("The site took too long to send its answer.")
    return body.whole()


class _Body:
    """What has arrived; gzip is undone with a limit on what may come out."""

    def __init__(self, encoding: str) -> None:
        if encoding not in ("", "identity", "gzip", "x-gzip"):
            raise InvalidInput(f"The site packs its answer with {encoding!r}, which was not asked for.")
        self._unpacker = zlib.decompressobj(wbits=31) if encoding.endswith("gzip") else None
        self._bytes = bytearray()

    def add(self, chunk: bytes) -> None:
        """Take a piece."""
        try:
            self._bytes += self._unpacked(chunk)
        except zlib.error:
            raise Unavailable("The site's answer is packed, but damaged.") from None
        if len(self._bytes) > MOST_BYTES:
            raise InvalidInput(f"The document is larger than {MOST_BYTES // 2**20} MB.")

    def _unpacked(self, chunk: bytes) -> bytes:
        if self._unpacker is None:
            return chunk
        return self._unpacker.decompress(chunk, MOST_BYTES + 1 - len(self._bytes))

    def whole(self) -> bytes:
        """Return everything.

        :raises Unavailable: when the packed answer breaks off.
        """
        if self._unpacker is not None and not self._unpacker.eof and self._bytes:
            raise Unavailable("The site's answer breaks off.")
        return bytes(self._bytes)
