"""What every parser shares: bounds, decoding and gzip, all before a parser sees a byte."""

from __future__ import annotations

import codecs
import re
import zlib
from typing import Any

from newsletter.errors import InvalidInput

MOST_BYTES = 20 * 1024 * 1024
MOST_POSTS = 20_000
_GZIP = b"\x1f\x8b"
_PROLOGUE = 512
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
#: What documents declare, and the wider encoding that they are really in.
_WIDER = {
    "iso-8859-1": "cp1252",
    "latin-1": "cp1252",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "gb2312": "gb18030",
}
_DECLARED = re.compile(rb"^[^>]{0,200}\bencoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']", re.IGNORECASE)


def unpack(raw: bytes) -> bytes:
    """Undo gzip within the size limit, members one after another.

    :raises InvalidInput: when the document is empty or larger than 20 MB, packed or not.
    """
    if raw[:2] == _GZIP:
        raw = _gunzip(raw)
    if len(raw) > MOST_BYTES:
        raise InvalidInput(f"The document is larger than {MOST_BYTES // 2**20} MB; export it in parts.")
    if not raw.strip():
        raise InvalidInput("The document is empty.")
    return raw


def _gunzip(raw: bytes) -> bytes:
    out = bytearray()
    while raw[:2] == _GZIP:
        unpacker = zlib.decompressobj(wbits=31)
        try:
            out += unpacker.decompress(raw, MOST_BYTES + 1 - len(out))
        except zlib.error:
            raise InvalidInput("The document is packed with gzip, but damaged.") from None
        if len(out) > MOST_BYTES:
            raise InvalidInput(f"The document unpacks to more than {MOST_BYTES // 2**20} MB.")
        if not unpacker.eof:
            raise InvalidInput("The document is packed with gzip, but breaks off.")
        raw = unpacker.unused_data
    return bytes(out)


def decode(raw: bytes) -> str:
    """Return text: by byte order mark, by declaration, else UTF-8 whose stray bytes are read as cp1252; never raises."""
    for mark, name in _MARKS:
        if raw.startswith(mark):
            return raw.decode(name, "replace")
    declared = _DECLARED.match(raw[:_PROLOGUE])
    name = declared[1].decode().lower() if declared else "utf-8"
    try:
        return raw.decode(_WIDER.get(name, name))
    except (LookupError, UnicodeError):
        return raw.decode("utf-8", "stray-cp1252")


def _stray_byte(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error("stray-cp1252", _stray_byte)


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
