"""Amazon SNS as an own certificate authority plays it: signed messages, certificates, a place that gives them out."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from newsletter.errors import Unavailable
from newsletter.feedback.webhooks.request import WebhookRequest

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOPIC = "arn:aws:sns:eu-central-1:123456789012:bounces"
CERTIFICATE = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"
ISSUER = "http://crt.r2m01.amazontrust.com/r2m01.cer"
_SIGNED = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")


@dataclass(frozen=True)
class Signed:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)


@cache
def new_key(which: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def issue(
    name: str, by: Signed | None = None, *, is_authority: bool = False, issuer_url: str = "",
    start: datetime = NOW - timedelta(days=30), end: datetime = NOW + timedelta(days=300),
) -> Signed:  # fmt: skip
    """Return a certificate for a name, signed by an authority or by itself."""
    key = new_key(name)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = by.key if by else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .add_extension(_usage(is_authority), critical=True)
    )
    if not is_authority:
        names = x509.SubjectAlternativeName([x509.DNSName(name)])
        builder = builder.add_extension(names, critical=False)
        server = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        builder = builder.add_extension(server, critical=False)
    if issuer_url:
        where = x509.UniformResourceIdentifier(issuer_url)
        access = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, where)
        builder = builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
    return Signed(builder.sign(signer, SHA256()), key)


def _usage(is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True, key_cert_sign=is_authority, crl_sign=is_authority, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
        decipher_only=False,
    )  # fmt: skip


@cache
def root() -> Signed:
    return issue("Own Root CA", is_authority=True)


@cache
def middle() -> Signed:
    return issue("Own RSA 2048 M01", root(), is_authority=True)


@cache
def leaf() -> Signed:
    return issue("sns.amazonaws.com", middle(), issuer_url=ISSUER)


@dataclass
class Web:
    """The addresses that are there; every fetch is counted."""

    pages: Mapping[str, bytes]
    fetched: list[str] = field(default_factory=list)

    def fetch(self, url: str) -> bytes:
        self.fetched.append(url)
        if url not in self.pages:
            raise Unavailable(f"{url} does not answer.")
        return self.pages[url]


def web() -> Web:
    """Return the web as it is: the certificate, and what signed it."""
    return Web({CERTIFICATE: leaf().pem, ISSUER: middle().der})


def message(inner: Any, **members: Any) -> dict[str, Any]:
    """Return a message of SNS, not signed yet."""
    return {
        "Type": "Notification",
        "MessageId": "00000000-0000-4000-8000-000000000001",
        "TopicArn": TOPIC,
        "Message": inner if isinstance(inner, str) else json.dumps(inner),
        "Timestamp": "2026-03-01T12:00:00.000Z",
        "SignatureVersion": "2",
        "SigningCertURL": CERTIFICATE,
        **members,
    }


def signed(told: dict[str, Any], key: rsa.RSAPrivateKey | None = None) -> dict[str, Any]:
    """Return the message with its signature, over names and values in their order."""
    text = "".join(f"{name}\n{told[name]}\n" for name in _SIGNED if name in told)
    algorithm = SHA1() if told["SignatureVersion"] == "1" else SHA256()
    signature = (key or leaf().key).sign(text.encode(), padding.PKCS1v15(), algorithm)
    return {**told, "Signature": base64.b64encode(signature).decode()}


def request(told: dict[str, Any]) -> WebhookRequest:
    """Return the request by which SNS brings a message."""
    headers = {
        "content-type": "text/plain; charset=UTF-8",
        "x-amz-sns-message-type": told["Type"],
        "x-amz-sns-message-id": told["MessageId"],
    }
    return WebhookRequest(
        "POST", "https://news.example.com/webhooks/amazon_ses/path", headers, json.dumps(told).encode()
    )


def bounce(token: str = "", address: str = "ada@example.com", **members: Any) -> dict[str, Any]:
    """Return the event of a bounce as SES writes it."""
    return {
        "eventType": "Bounce",
        "bounce": {
            "bounceType": "Permanent", "bounceSubType": "General", "feedbackId": "feedback-1",
            "timestamp": "2026-03-01T11:59:00.000Z",
            "bouncedRecipients": [
                {"emailAddress": address, "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 user unknown"}
            ],
        },
        "mail": {
            "messageId": "0100-ses", "destination": [address], "source": "letter@example.com",
            "headers": [{"name": "Message-ID", "value": f"<{token}@example.com>"}],
        },
        **members,
    }  # fmt: skip
