"""MX names from DNS, with short timeouts."""

from __future__ import annotations

import dns.exception
import dns.resolver

TIMEOUT_SECONDS = 2.0


class DnsMxLookup:
    """Asks the resolvers of this machine, or those it is given."""

    def __init__(self, nameservers: list[str] | None = None, port: int = 53) -> None:
        self._resolver = dns.resolver.Resolver(configure=nameservers is None)
        if nameservers is not None:
            self._resolver.nameservers = list(nameservers)
            self._resolver.port = port

    def hosts(self, domain: str) -> list[str] | None:
        """Return the MX names, preferred first; empty when there are none, None when nobody answers."""
        try:
            answer = self._resolver.resolve(domain, "MX", lifetime=TIMEOUT_SECONDS)
        except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN):
            return []
        except (dns.exception.DNSException, OSError, UnicodeError):
            return None
        return [record.exchange.to_text(omit_final_dot=True) for record in sorted(answer, key=_preference)]


def _preference(record: object) -> int:
    return int(record.preference)  # type: ignore[attr-defined]
