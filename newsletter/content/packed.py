"""Text kept as packed bytes: originals from outside, which no search, export or page should ever meet as text."""

from __future__ import annotations

import zlib

from sqlalchemy import Dialect, LargeBinary
from sqlalchemy.types import TypeDecorator


class PackedText(TypeDecorator[str]):
    """A string in and out; zlib-packed UTF-8 in the database, a fifth of the size for HTML."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> bytes | None:
        """Pack."""
        return None if value is None else zlib.compress(value.encode("utf-8", "replace"))

    def process_result_value(self, value: bytes | None, _dialect: Dialect) -> str | None:
        """Unpack."""
        return None if value is None else zlib.decompress(value).decode()
