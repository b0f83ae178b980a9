"""Which addresses are fetched at all: only http(s), usual ports, and hosts on the public internet (SSRF)."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from newsletter.errors import InvalidInput, Unavailable

Resolve = Callable[[str, int], list[str]]

ALLOWED_PORTS = frozenset({80, 443})
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
#: Forms of IPv4 that no public server has: local NAT64 (RFC 8215) and the old compatible addresses (RFC 4291 §2.5.5.1).
_NEVER = (ipaddress.ip_network("64:ff9b:1::/48"), ipaddress.ip_network("::/96"))


@dataclass(frozen=True, slots=True)
class Target:
    """A checked address: the connection goes to `ip`, the request is for `host`."""

    url: str
    host: str
    port: int
    ip: str

    @property
    def host_header(self) -> str:
        """Return the Host header: with brackets around IPv6, and the port unless it is the usual one."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port in ALLOWED_PORTS else f"{name}:{self.port}"


def check_target(url: str, resolve: Resolve, *, allow_private: bool) -> Target:
    """Resolve the host of an address once, and refuse it unless every answer is public.

    :raises InvalidInput: for an address we refuse.
    :raises Unavailable: when the host cannot be found.
    """
    host, port = _host_and_port(url)
    if port not in ALLOWED_PORTS and not allow_private:
        raise InvalidInput(f"Port {port} is refused: only 80 and 443 are fetched.")
    ips = resolve(host, port)
    if not allow_private and not all(is_public(ip) for ip in ips):
        raise InvalidInput(
            f"{host} is not on the public internet, so it is not fetched "
            "(NEWSLETTER_FETCH_PRIVATE_ADDRESSES=true allows it)."
        )
    return Target(url, host, port, ips[0])


def _host_and_port(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise InvalidInput(f"{url!r} is no web address.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise InvalidInput(
            f"{url!r} is no address we fetch: it must start with http:// or https:// and a host."
        )
    return parts.hostname, port


def resolve_host(host: str, port: int) -> list[str]:
    """Return the addresses of a host, IPv4 first.

    :raises Unavailable: when there is none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Unavailable(f"The host {host!r} cannot be found.") from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in sorted(found, key=lambda entry: entry[0])))


def is_public(ip: str) -> bool:
    """Say whether an IP address is on the public internet, also behind an IPv4-mapped, 6to4 or NAT64 form."""
    try:
        parsed = ipaddress.ip_address(ip.partition("%")[0])
    except ValueError:
        return False
    if any(parsed in network for network in _NEVER if network.version == parsed.version):
        return False
    inner = _embedded_ipv4(parsed) if isinstance(parsed, ipaddress.IPv6Address) else None
    if inner is not None:
        return is_public(str(inner))
    return parsed.is_global and not parsed.is_multicast


def _embedded_ipv4(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour
