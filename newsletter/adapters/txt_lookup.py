"""TXT records from DNS, with a short timeout."""

from __future__ import annotations

import dns.exception
import dns.resolver

TIMEOUT_SECONDS = 2.0


class DnsTxtLookup:
    """Asks the resolvers of this machine."""

    def texts(self, name: str) -> list[str] | None:
        """Return the records, each in one piece; empty when there are none, None when nobody answers."""
        try:
            answer = dns.resolver.resolve(name, "TXT", lifetime=TIMEOUT_SECONDS)
        except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN):
            return []
        except (dns.exception.DNSException, OSError, UnicodeError):
            return None
        return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]
