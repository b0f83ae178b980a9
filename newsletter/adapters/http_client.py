"""The one HTTP client for what content and people supply: guarded, bounded, polite.

A host is resolved once; the connection goes to the checked address, with the Host header and TLS name of the original.
Redirects are followed by hand and checked again. Trouble that passes is tried again, when the site says so (Retry-After).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin

import httpx

from newsletter.adapters.http_body import read_body
from newsletter.adapters.http_guard import Resolve, Target, check_target, resolve_host
from newsletter.content.values import Document
from newsletter.errors import Unavailable

MOST_REDIRECTS = 3
TOTAL_SECONDS = 30.0
STEP_SECONDS = 10.0
TRIES = 3
_PASSING = frozenset({429, 502, 503, 504})
_HEADERS = {"User-Agent": "newsletter (feed import)", "Accept": "*/*", "Accept-Encoding": "gzip"}


@dataclass(frozen=True)
class SafeHttpClient:
    """Fetches documents. `allow_private` is for installations whose site is on a private network."""

    allow_private: bool = False
    resolve: Resolve = resolve_host
    sleep: Callable[[float], None] = time.sleep

    def fetch(
        self, url: str, *, etag: str | None = None, last_modified: str | None = None
    ) -> Document | None:
        """GET a document; None when it has not changed since `etag` or `last_modified`.

        :raises InvalidInput: for an address we refuse.
        :raises Unavailable: when the site does not give us the document.
        """
        conditions = {"If-None-Match": etag, "If-Modified-Since": last_modified}
        headers = _HEADERS | {name: value for name, value in conditions.items() if value}
        end = time.monotonic() + TOTAL_SECONDS
        for attempt in range(1, TRIES + 1):
            try:
                return self._follow(url, headers, end)
            except _Passing as trouble:
                wait = trouble.wait if trouble.wait is not None else float(attempt)
                if attempt == TRIES or time.monotonic() + wait > end:
                    raise Unavailable(str(trouble)) from None
                self.sleep(wait)
        raise Unavailable(f"{url} does not answer.")

    def fetch_bytes(self, url: str) -> bytes:
        """GET a document of which only the content matters.

        :raises InvalidInput: for an address we refuse.
        :raises Unavailable: when the site does not give us the document.
        """
        document = self.fetch(url)
        return b"" if document is None else document.raw

    def _follow(self, asked: str, headers: dict[str, str], end: float) -> Document | None:
        url = asked
        for _ in range(MOST_REDIRECTS + 1):
            target = check_target(url, self.resolve, allow_private=self.allow_private)
            response, body = _get(target, headers, end)
            if response.status_code == 304:
                return None
            if not response.is_redirect:
                return _document(asked, url, response, body)
            url = _redirected(url, response)
        raise Unavailable(f"The site redirects more than {MOST_REDIRECTS} times.")


class _Passing(Exception):
    """A trouble that may be over in `wait` seconds."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


def _get(target: Target, headers: dict[str, str], end: float) -> tuple[httpx.Response, bytes]:
    client = httpx.Client(trust_env=False, timeout=STEP_SECONDS, follow_redirects=False)
    request = client.build_request(
        "GET",
        httpx.URL(target.url).copy_with(host=target.ip),
        headers=headers | {"Host": target.host_header},
        extensions={"sni_hostname": target.host},
    )
    try:
        with client:
            response = client.send(request, stream=True)
            try:
                return response, read_body(response, end)
            finally:
                response.close()
    except httpx.HTTPError as error:
        raise _Passing(f"{target.host} does not answer: {error or type(error).__name__}.") from None


def _redirected(url: str, response: httpx.Response) -> str:
    try:
        return urljoin(url, response.headers["location"])
    except ValueError:
        raise Unavailable("The site redirects to an address that is none.") from None


def _document(asked: str, url: str, response: httpx.Response, body: bytes) -> Document:
    status, headers = response.status_code, response.headers
    if status in _PASSING:
        raise _Passing(f"The site answered {status} for {url}.", _retry_after(headers.get("retry-after")))
    if status != 200:
        raise Unavailable(f"The site answered {status} for {url}.")
    pages = headers.get("x-wp-totalpages", "")
    return Document(
        raw=body,
        location=url,
        content_type=headers.get("content-type", ""),
        etag=headers.get("etag"),
        last_modified=headers.get("last-modified"),
        asked=asked,
        pages=int(pages) if pages.isascii() and pages.isdigit() and len(pages) < 7 else 1,
        links=headers.get("link", ""),
    )


def _retry_after(value: str | None) -> float | None:
    """Return the seconds a site asks us to wait: a number, or a date."""
    if value is None:
        return None
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
