"""Certificates of Amazon SNS: fetched from SNS alone, verified up to a root of Amazon's, kept for an hour (W4).

The certificate's file holds the certificate alone. What signed it is fetched from where it says (RFC 5280 §4.2.2.1), as
long as that is Amazon's; whatever comes from there must fit the roots, so the way it came does not matter.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import certifi
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from newsletter.errors import NewsletterError
from newsletter.feedback.webhooks.request import Refused
from newsletter.feedback.webhooks.signatures import PublicKey
from newsletter.feedback.webhooks.sns import certificate_host

Fetch = Callable[[str], bytes]

_KEPT: Final = timedelta(hours=1)
_MOST_KEPT: Final = 50
_MOST_ISSUERS: Final = 3
_ISSUERS_HOST: Final = ".amazontrust.com"
_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
_ROOTS: Final = "# Subject: CN=Amazon Root CA"


@dataclass
class SnsCertificates:
    """The keys of SNS. `fetch` gets a document from an address that was checked; `roots` is where trust ends."""

    fetch: Fetch
    roots: Sequence[x509.Certificate] = field(default_factory=lambda: amazons_roots())
    _known: dict[str, tuple[datetime, PublicKey]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def public_key(self, url: str, now: datetime) -> PublicKey:
        """Return the key of a certificate that is Amazon's and valid now.

        :raises Refused: when it is not, with 503 when it cannot be had.
        """
        host = certificate_host(url)
        if host is None:
            raise Refused("The certificate is not one of SNS.", 403)
        with self._lock:
            known = self._known.get(url)
            if known is None or now - known[0] > _KEPT:
                known = now, self._verified(url, host, now)
                self._keep(url, known)
        return known[1]

    def _keep(self, url: str, known: tuple[datetime, PublicKey]) -> None:
        if len(self._known) >= _MOST_KEPT:
            self._known.clear()
        self._known[url] = known

    def _verified(self, url: str, host: str, now: datetime) -> PublicKey:
        try:
            leaf, *more = x509.load_pem_x509_certificates(self._get(url))
        except ValueError:
            raise Refused("The certificate of SNS cannot be read.", 403) from None
        issuers = more or list(self._issuers(leaf))
        if not any(self._is_trusted(leaf, issuers, name, now) for name in names_of(host)):
            raise Refused("The certificate is not one that Amazon signed for SNS.", 403)
        key = leaf.public_key()
        if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
            raise Refused("The certificate of SNS has a key of another kind.", 403)
        return key

    def _is_trusted(
        self, leaf: x509.Certificate, issuers: list[x509.Certificate], name: str, now: datetime
    ) -> bool:
        policy = PolicyBuilder().store(Store(list(self.roots))).time(now)
        try:
            policy.build_server_verifier(x509.DNSName(name)).verify(leaf, issuers)
        except VerificationError:
            return False
        return True

    def _issuers(self, leaf: x509.Certificate) -> Iterator[x509.Certificate]:
        """Yield what signed the certificate, and what signed that, as far as Amazon says where it is."""
        current = leaf
        for _ in range(_MOST_ISSUERS):
            url = issuer_url(current)
            if url is None:
                return
            try:
                current = x509.load_der_x509_certificate(self._get(url))
            except ValueError:
                return
            yield current

    def _get(self, url: str) -> bytes:
        try:
            return self.fetch(url)
        except NewsletterError:
            raise Refused("The certificate of SNS cannot be had now.", 503) from None


def names_of(host: str) -> tuple[str, ...]:
    """Return the names that the certificate of SNS may be for."""
    domain = host.partition(".amazonaws.")[2]
    return f"sns.amazonaws.{domain}", host


def issuer_url(certificate: x509.Certificate) -> str | None:
    """Return where a certificate's issuer is to be had; None unless that is Amazon's."""
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, ValueError):
        return None
    for each in access:
        location = each.access_location
        if each.access_method != AuthorityInformationAccessOID.CA_ISSUERS:
            continue
        if isinstance(location, x509.UniformResourceIdentifier) and _is_amazons(location.value):
            return location.value
    return None


def _is_amazons(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and (parts.hostname or "").endswith(_ISSUERS_HOST)
    except ValueError:
        return False


def amazons_roots() -> list[x509.Certificate]:
    """Return the roots of Amazon Trust Services among those that Mozilla keeps; nobody else signs for SNS."""
    written = Path(certifi.where()).read_text("utf-8").split(_END)
    return [
        x509.load_pem_x509_certificate((each[each.index(_BEGIN) :] + _END).encode())
        for each in written
        if _ROOTS in each
    ]
