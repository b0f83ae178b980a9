"""A header by which a mail provider gives our token back with every event, in the form that this provider knows.

Such a header is for the provider alone: most take it out, and no signature covers it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from newsletter.rendering.headers import structured

_PLACE: Final = "{token}"


class Carrier(NamedTuple):
    """A header line cut at the token."""

    before: bytes
    after: bytes

    @classmethod
    def of(cls, template: str) -> Carrier:
        """Return the carrier of a line such as `X-PM-Metadata-newsletter: {token}`.

        :raises InvalidInput: when it can be no header.
        """
        name, _, value = template.partition(": ")
        before, _, after = value.partition(_PLACE)
        structured(name, before + after)
        return cls(f"{name}: {before}".encode("ascii"), f"{after}\r\n".encode("ascii"))

    def line(self, message_id: str) -> bytes:
        """Return the line for one message: its token is what stands before the @ of its Message-ID."""
        return self.before + message_id.partition("@")[0].encode("ascii") + self.after
