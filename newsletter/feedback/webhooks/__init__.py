"""What mail providers tell by webhook: verified, kept raw, and applied to our own deliveries (W1-W4)."""

from newsletter.feedback.webhooks.decoding import decode_json

__all__ = ["decode_json"]
