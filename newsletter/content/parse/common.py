"""What every parser shares: bounds, decoding and gzip, all before a parser sees a byte."""

from __future__ import annotations

import codecs
import re
import zlib
from typing import Any

from newsletter.errors import InvalidInput

MOST_BYTES = 20 * 1024 * 1024
MOST_POSTS = 20_000
_DECLARED = re.compile(rb"^[^>]{0,200}\bencoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")


def unpack(raw: bytes) -> bytes:
    """Undo gzip within the size limit, members one after another.

    :raises InvalidInput: when the document is empty or larger than 20 MB, packed or not.
    """
    if raw[:2] == b"\x1f\x8b":
        raw = _gunzip(raw)
    if len(raw) > MOST_BYTES:
        raise InvalidInput(f"The document is larger than {MOST_BYTES // 2**20} MB; export it in parts.")
    if not raw.strip():
        raise InvalidInput("The document is empty.")
    return raw


def _gunzip(raw: bytes) -> bytes:
    out = bytearray()
    try:
        while raw[:2] == b"\x1f\x8b":
            unpacker = zlib.decompressobj(wbits=31)
            out += unpacker.decompress(raw, MOST_BYTES + 1 - len(out))
            if len(out) > MOST_BYTES:
                raise InvalidInput(f"The document unpacks to more than {MOST_BYTES // 2**20} MB.")
            raw = unpacker.unused_data
    except zlib.error:
        raise InvalidInput("The document is packed with gzip, but damaged.") from None
    return bytes(out)


def decode(raw: bytes, hint: str = "") -> str:
    """Return text: by byte order mark, declaration, header hint, UTF-8, then cp1252; never raises."""
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if raw.startswith(mark):
            return raw.decode(name, "replace")
    declared = _DECLARED.match(raw)
    for name in (declared[1].decode() if declared else "", hint, "utf-8"):
        try:
            if name:
                return raw.decode(name)
        except (LookupError, UnicodeDecodeError):
            continue
    return raw.decode("cp1252", "replace")


def text_of(value: Any) -> str:
    """Return a JSON value as text; anything but text and numbers is empty."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def int_of(value: Any) -> int | None:
    """Return a positive whole number or None."""
    try:
        number = int(value)
    except (TypeError, ValueError):
        return None
    return number if 0 < number < 100_000 else None
