"""DKIM signatures (RFC 6376) by RSA or Ed25519 (RFC 8463), relaxed/relaxed, without `l=` and `x=`.

What a campaign's messages share is brought into canonical form and hashed once. The body needs no second form: it is
written without trailing white space and without runs of it (`rendering.mime`). So a signature costs little more than
its one private-key operation. `t=` is the Date header's time: the same delivery gives the same bytes again.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256

PrivateKey = RSAPrivateKey | Ed25519PrivateKey

#: Signed when the message has them. Not Precedence: it changes nothing for a reader, and relays rewrite it.
SIGNED = (
    "From", "Reply-To", "List-Unsubscribe-Post", "List-Id", "Feedback-ID", "MIME-Version", "Content-Type",
    "Content-Transfer-Encoding", "Auto-Submitted", "To", "Subject", "Date", "Message-ID", "List-Unsubscribe",
)  # fmt: skip
#: Named once more than they occur, so that a second one cannot be added (RFC 6376 §8.15).
OVER_SIGNED = ("From", "To", "Subject", "List-Unsubscribe", "List-Unsubscribe-Post")
OWN = ("To", "Subject", "Date", "Message-ID", "List-Unsubscribe")

_PADDING, _HASH = PKCS1v15(), Prehashed(SHA256())
_LINE = 72
_RUN = re.compile(rb"[ \t]+")
_FIELD = re.compile(rb"([!-9;-~]+):((?:[^\r]|\r\n[ \t])*)\r\n")


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key and where its public half is found: `selector._domainkey.domain`."""

    domain: str
    selector: str
    key: PrivateKey

    @property
    def algorithm(self) -> str:
        """The value of `a=`."""
        return "rsa-sha256" if isinstance(self.key, RSAPrivateKey) else "ed25519-sha256"

    @property
    def is_costly(self) -> bool:
        """True for RSA, whose signature costs ten times the rest of a message."""
        return isinstance(self.key, RSAPrivateKey)

    def sign(self, digest: bytes) -> bytes:
        """Sign a SHA-256 digest; Ed25519 signs the digest as its message (RFC 8463 §3)."""
        if isinstance(self.key, RSAPrivateKey):
            return self.key.sign(digest, _PADDING, _HASH)
        return self.key.sign(digest)


class Stamp:
    """The DKIM-Signature header of one signer over given field names; only time, body hash and signature are missing."""

    def __init__(self, signer: Signer, names: Iterable[str]) -> None:
        self._sign = signer.sign
        opening = f"DKIM-Signature: v=1; a={signer.algorithm}; c=relaxed/relaxed;"
        first = f"{opening}\r\n d={signer.domain}; s={signer.selector};\r\n t=".encode("ascii")
        second = f";\r\n h={_folded_names(names)};\r\n bh=".encode("ascii")
        self._parts = first, second, b";\r\n b="
        self._canonical = relaxed_field(first), b" ".join(second.split()), b"; b="

    def line(self, moment: bytes, body_hash: bytes, fields: hashlib._Hash) -> bytes:
        """Return the header; `fields` has taken the signed fields, `moment` is in seconds since 1970."""
        first, second, third = self._canonical
        hashed = fields.copy()
        hashed.update(b"".join((first, moment, second, body_hash, third)))
        signature = base64.b64encode(self._sign(hashed.digest()))
        first, second, third = self._parts
        return b"".join((first, moment, second, body_hash, third, _folded(signature), b"\r\n"))


class Signing:
    """All signers of one compiled message. `fixed` are its header lines that are the same for every reader."""

    def __init__(self, signers: tuple[Signer, ...], fixed: bytes) -> None:
        self.is_costly = any(signer.is_costly for signer in signers)
        fields = fields_of(fixed)
        names = [name for name in SIGNED if name in fields or name in OWN]
        self._stamps = [Stamp(signer, [*names, *OVER_SIGNED]) for signer in signers]
        self._fixed = hashlib.sha256(b"".join(fields[name] for name in names if name in fields))

    def lines(self, own: Iterable[bytes], body: bytes, at: datetime) -> list[bytes]:
        """Return the signature headers of a message: `own` are its reader's header lines in the order of `OWN`."""
        hashed = self._fixed.copy()
        hashed.update(b"".join([relaxed_field(line) + b"\r\n" for line in own]))
        body_hash = base64.b64encode(hashlib.sha256(body).digest())
        moment = b"%d" % int(at.timestamp())
        return [stamp.line(moment, body_hash, hashed) for stamp in self._stamps]


def sign_message(message: bytes, signers: Iterable[Signer], at: datetime) -> bytes:
    """Return a whole message with its signatures in front; for single mails, which share nothing."""
    head, _, body = message.partition(b"\r\n\r\n")
    fields = fields_of(head + b"\r\n")
    names = [name for name in SIGNED if name in fields]
    hashed = hashlib.sha256(b"".join(fields[name] for name in names))
    body_hash = base64.b64encode(hashlib.sha256(relaxed_body(body)).digest())
    moment = b"%d" % int(at.timestamp())
    stamps = [Stamp(signer, [*names, *OVER_SIGNED]) for signer in signers]
    return b"".join([*(stamp.line(moment, body_hash, hashed) for stamp in stamps), message])


def fields_of(head: bytes) -> dict[str, bytes]:
    """Return the signed fields of a header section by name, in canonical form with their line end."""
    found = {match[1].decode("ascii"): relaxed_field(match[0]) + b"\r\n" for match in _FIELD.finditer(head)}
    return {name: found[name] for name in SIGNED if name in found}


def relaxed_field(line: bytes) -> bytes:
    """Return a header field in relaxed form without its line end (RFC 6376 §3.4.2)."""
    name, _, value = line.partition(b":")
    return b"%b:%b" % (name.lower(), b" ".join(value.split()))


def relaxed_body(body: bytes) -> bytes:
    """Return a body in relaxed form (RFC 6376 §3.4.4)."""
    lines = [_RUN.sub(b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    kept = b"\r\n".join(lines).rstrip(b"\r\n")
    return kept + b"\r\n" if kept else b""


def _folded_names(names: Iterable[str]) -> str:
    """Return the value of `h=`, each line at most 72 letters and a colon."""
    lines, line = [], ""
    for name in names:
        if line and len(line) + 1 + len(name) > _LINE:
            lines.append(line)
            line = ""
        line += f":{name}" if line else name
    return ":\r\n ".join([*lines, line])


def _folded(signature: bytes) -> bytes:
    return b"\r\n ".join([signature[at : at + _LINE] for at in range(0, len(signature), _LINE)])
