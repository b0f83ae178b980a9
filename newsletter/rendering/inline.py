"""CSS made inline, once per issue variant. premailer stands behind a protocol, with the options that were found to work."""

from __future__ import annotations

import logging
from typing import Protocol


class Inliner(Protocol):
    """Moves style rules into style attributes."""

    def inline(self, html: str) -> str:
        """Return the document with base rules inlined and the `data-premailer="ignore"` blocks kept."""
        ...


class PremailerInliner:
    """premailer 3.10: `pretty_print=False` (the default breaks inline-block columns), no network, `!important` kept."""

    def inline(self, html: str) -> str:
        """Return the document with base rules inlined."""
        from premailer import Premailer  # 0.3 s of imports that only a rendering command should pay for

        document: str = Premailer(
            html,
            base_url=None,
            disable_link_rewrites=True,
            allow_network=False,
            strip_important=False,
            keep_style_tags=False,
            remove_classes=False,
            disable_basic_attributes=["width", "height"],
            cssutils_logging_level=logging.CRITICAL,
        ).transform(pretty_print=False)
        return document
