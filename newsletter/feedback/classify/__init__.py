"""What a returned mail is: bounce, complaint, auto-reply, wish to leave, or ordinary mail. Pure, bounded, never raises."""

from __future__ import annotations

from typing import Any

from newsletter.feedback.classify.chain import classify
from newsletter.feedback.classify.values import Classified, Kind, Outcome, Reason

__all__ = ["Classified", "Kind", "Outcome", "Reason", "classify", "classify_json"]


def classify_json(raw: bytes) -> dict[str, Any]:
    """Return what `classify` finds as plain values."""
    return classify(raw).to_json()
