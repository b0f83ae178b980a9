"""Transfer encodings, charsets and encoded words of mail that may be broken: everything has an answer, in linear time."""

from __future__ import annotations

import base64
import binascii
import codecs
from email.errors import HeaderParseError
from email.header import decode_header
from typing import Final

#: In bytes: reading stray bytes one by one takes its time.
_SHORT: Final = 2000
_UNSAFE_CODECS: Final = frozenset(
    {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "utf-7", "undefined", "mbcs"}
)


def transfer_decoded(body: bytes, encoding: str) -> bytes:
    """Undo base64 or quoted-printable; what is neither stays as it is."""
    if encoding.startswith("base64"):
        try:
            return base64.b64decode(body.translate(None, b" \t\r\n") + b"==")
        except (binascii.Error, ValueError):
            return body
    if encoding.startswith("quoted-printable"):
        return binascii.a2b_qp(body)
    return body


def as_text(data: bytes, charset: str) -> str:
    """Return bytes as text: in their charset if it is a safe one, else as UTF-8 or Latin-1. Never fails.

    A short text may be both: a header to which a gateway added bytes of its own.
    """
    if _is_safe(charset) and codecs.lookup(charset).name != "utf-8":
        try:
            return data.decode(charset, "replace")
        except (UnicodeError, ValueError):
            pass
    try:
        return data.decode("utf-8", "stray-latin-1" if len(data) <= _SHORT else "strict")
    except UnicodeError:
        return data.decode("latin-1")


def _stray(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error("stray-latin-1", _stray)


def _is_safe(charset: str) -> bool:
    """Text codecs only, and none that takes more than linear time."""
    try:
        info = codecs.lookup(charset)
    except (LookupError, ValueError):
        return False
    return info.name not in _UNSAFE_CODECS and getattr(info, "_is_text_encoding", False)


def decoded(value: str) -> str:
    """Return a header value with its encoded words read."""
    if "=?" not in value:
        return value
    try:
        pieces = decode_header(value)
    except (HeaderParseError, ValueError):
        return value
    return "".join(
        piece if isinstance(piece, str) else as_text(piece, charset or "latin-1") for piece, charset in pieces
    )
