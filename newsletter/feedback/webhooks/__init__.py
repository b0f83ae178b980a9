"""What mail providers tell by webhook: verified, kept raw, and applied to our own deliveries (W1-W4)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any


def decode_json(
    provider: str, request: Mapping[str, Any], secrets: Mapping[str, Any], *, now: datetime | None = None
) -> dict[str, Any]:
    """Return `{"ok", "verified", "events", …}` of one recorded request; see `decoding`. Loads every adapter when asked."""
    from newsletter.feedback.webhooks import decoding

    return decoding.decode_json(provider, request, secrets, now=now)
