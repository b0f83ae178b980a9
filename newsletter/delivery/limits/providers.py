"""The big mailbox providers: their MX names, their own domains, and the limits shipped for them (T1). Pure.

A destination group is everybody behind the same servers: `gmail.com` and a company that Google hosts share one. Every
domain that is not here and was not found behind one of these MX names is a group of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

#: Ends of MX host names, most telling first; a name fits when it is the suffix or ends with `.` + the suffix.
MX_SUFFIXES: Mapping[str, str] = MappingProxyType(
    {
        "google.com": "google",
        "googlemail.com": "google",
        "psmtp.com": "google",
        "yahoodns.net": "yahoo",
        "mail.protection.outlook.com": "outlook",
        "olc.protection.outlook.com": "outlook",
        "mx.microsoft": "outlook",
        "hotmail.com": "outlook",
        "mail.icloud.com": "icloud",
        "apple.com": "icloud",
        "orange.fr": "orange",
        "wanadoo.fr": "orange",
    }
)

_DOMAINS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "google": ("gmail.com", "googlemail.com"),
        "yahoo": (
            "yahoo.com", "ymail.com", "rocketmail.com", "aol.com", "aim.com", "yahoo.co.uk", "yahoo.fr", "yahoo.de",
            "yahoo.es", "yahoo.it", "yahoo.ca", "yahoo.in", "yahoo.co.in", "yahoo.com.br", "yahoo.com.au",
            "yahoo.com.mx", "yahoo.com.ar", "myyahoo.com", "verizon.net",
        ),
        "outlook": (
            "outlook.com", "hotmail.com", "live.com", "msn.com", "hotmail.co.uk", "hotmail.fr", "hotmail.de",
            "hotmail.it", "hotmail.es", "outlook.fr", "outlook.de", "outlook.es", "outlook.it", "live.co.uk",
            "live.fr", "live.nl", "live.de", "passport.com", "windowslive.com",
        ),
        "icloud": ("icloud.com", "me.com", "mac.com"),
        "orange": ("orange.fr", "wanadoo.fr"),
    }
)  # fmt: skip

#: Domains that need no DNS.
KNOWN_DOMAINS: Mapping[str, str] = MappingProxyType(
    {domain: group for group, domains in _DOMAINS.items() for domain in domains}
)

#: Messages on the wire at once, for all workers together. Everything else is unlimited unless an admin says so.
SHIPPED_AT_ONCE: Mapping[str, int] = MappingProxyType({"google": 5, "outlook": 5, "icloud": 10, "orange": 3})


def group_of_mx(hosts: Iterable[str]) -> str | None:
    """Return the group of the first MX name (in order of preference) that belongs to a known provider."""
    for host in hosts:
        labels = host.rstrip(".").lower().split(".")
        for start in range(len(labels) - 1):
            group = MX_SUFFIXES.get(".".join(labels[start:]))
            if group is not None:
                return group
    return None
