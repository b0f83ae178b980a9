"""The one HTTP client for what content and people supply: safe against SSRF, bounded, polite (S6).

A host is resolved once; every address must be global; the connection goes to the checked address, with the Host header
and TLS name of the original. Redirects are followed by hand and checked again.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import httpx

from newsletter.content.values import Document
from newsletter.errors import InvalidInput, Unavailable

Resolve = Callable[[str, int], list[str]]

MOST_BYTES = 20 * 1024 * 1024
MOST_REDIRECTS = 3
TOTAL_SECONDS = 30.0
STEP_SECONDS = 10.0
TRIES = 3
ALLOWED_PORTS = frozenset({80, 443})
_TRY_AGAIN = frozenset({429, 502, 503, 504})


def resolve_host(host: str, port: int) -> list[str]:
    """Return the addresses of a host, IPv4 first."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        raise Unavailable(f"The host {host!r} cannot be found.") from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in sorted(found, key=lambda entry: entry[0])))


def is_public(address: str) -> bool:
    """Say whether an IP address is on the public internet, also behind an IPv4-mapped, 6to4 or NAT64 form."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if ip in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast


@dataclass(frozen=True)
class SafeHttpClient:
    """Fetches documents. `allow_private` is for installations whose site is on a private network."""

    allow_private: bool = False
    resolve: Resolve = resolve_host

    def fetch(
        self, url: str, *, etag: str | None = None, last_modified: str | None = None
    ) -> Document | None:
        """GET a document; None when it has not changed since `etag` or `last_modified`.

        :raises InvalidInput: for an address we refuse.
        :raises Unavailable: when the site does not give us the document.
        """
        headers = {"User-Agent": "newsletter (feed import)", "Accept": "*/*"}
        if etag:
            headers["If-None-Match"] = etag
        if last_modified:
            headers["If-Modified-Since"] = last_modified
        end = time.monotonic() + TOTAL_SECONDS
        for attempt in range(TRIES):
            try:
                return self._follow(url, headers, end)
            except _TryAgain as error:
                if attempt == TRIES - 1 or time.monotonic() + attempt + 1 > end:
                    raise Unavailable(str(error)) from None
                time.sleep(attempt + 1)
        raise Unavailable(f"{url} does not answer.")

    def _follow(self, url: str, headers: dict[str, str], end: float) -> Document | None:
        for _ in range(MOST_REDIRECTS + 1):
            response, body = self._get(url, headers, end)
            if response.status_code == 304:
                return None
            if response.is_redirect:
                url = urljoin(url, response.headers["location"])
                continue
            return _document(url, response, body)
        raise Unavailable(f"The site redirects more than {MOST_REDIRECTS} times.")

    def _get(self, url: str, headers: dict[str, str], end: float) -> tuple[httpx.Response, bytes]:
        host, port, address = self._checked(url)
        target = httpx.URL(url).copy_with(host=address)
        own_headers = headers | {"Host": host if port in ALLOWED_PORTS else f"{host}:{port}"}
        try:
            with (
                httpx.Client(trust_env=False, timeout=STEP_SECONDS, follow_redirects=False) as client,
                client.stream(
                    "GET", target, headers=own_headers, extensions={"sni_hostname": host}
                ) as response,
            ):
                return response, _read(response, end)
        except httpx.HTTPError as error:
            raise _TryAgain(f"{host} does not answer: {error or type(error).__name__}") from None

    def _checked(self, url: str) -> tuple[str, int, str]:
        try:
            parts = urlsplit(url)
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            raise InvalidInput(f"{url!r} is no web address.") from None
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
            raise InvalidInput(
                f"{url!r} is no address we fetch: it must start with http:// or https:// and a host."
            )
        if port not in ALLOWED_PORTS and not self.allow_private:
            raise InvalidInput(f"Port {port} is refused: only 80 and 443 are fetched.")
        addresses = self.resolve(parts.hostname, port)
        if not self.allow_private and not all(is_public(address) for address in addresses):
            raise InvalidInput(
                f"{parts.hostname} is not on the public internet, so it is not fetched "
                "(NEWSLETTER_FETCH_PRIVATE_ADDRESSES=true allows it)."
            )
        return parts.hostname, port, addresses[0]


class _TryAgain(Exception):
    """A passing trouble."""


def _read(response: httpx.Response, end: float) -> bytes:
    body = bytearray()
    for chunk in response.iter_bytes(65536):
        body += chunk
        if len(body) > MOST_BYTES:
            raise InvalidInput(f"The document is larger than {MOST_BYTES // 2**20} MB.")
        if time.monotonic() > end:
            raise Unavailable(f"The site took longer than {TOTAL_SECONDS:.0f} seconds.")
    return bytes(body)


def _document(url: str, response: httpx.Response, body: bytes) -> Document:
    if response.status_code in _TRY_AGAIN:
        raise _TryAgain(f"The site answered {response.status_code}.")
    if response.status_code != 200:
        raise Unavailable(f"The site answered {response.status_code} for {url}.")
    return Document(
        raw=body,
        location=url,
        content_type=response.headers.get("content-type", ""),
        etag=response.headers.get("etag"),
        last_modified=response.headers.get("last-modified"),
    )
