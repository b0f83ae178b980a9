"""CSS made inline, once per issue variant."""

from __future__ import annotations

import logging


def inline(html: str) -> str:
    """Return the document with base rules inlined and the `data-premailer="ignore"` blocks kept.

    premailer 3.10: `pretty_print=False` (the default breaks inline-block columns), no network, `!important` kept.
    """
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
