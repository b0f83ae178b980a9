"""The secrets of an account: sealed together, opened to verify, shown to be entered at the provider (S18, W3)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Final

from newsletter.feedback.webhooks.models import ProviderAccount
from newsletter.feedback.webhooks.secrets import Secrets
from newsletter.feedback.webhooks.sns import Certificates
from newsletter.sealing import Sealer

#: The user of every account; what is secret is the password.
USER: Final = "newsletter"


@dataclass(frozen=True, slots=True)
class Sealed:
    """What is sealed of an account: the path of its address, passwords and signing secrets, the newest first."""

    path: str = field(repr=False)
    passwords: tuple[str, ...] = field(repr=False)
    signing: tuple[str, ...] = field(repr=False, default=())

    def to_bytes(self) -> bytes:
        """Return it as it is sealed."""
        return json.dumps([self.path, self.passwords, self.signing]).encode()

    @classmethod
    def from_bytes(cls, raw: bytes) -> Sealed:
        """Return what was sealed."""
        path, passwords, signing = json.loads(raw)
        return cls(path, tuple(passwords), tuple(signing))


def opened(sealer: Sealer, row: ProviderAccount) -> Sealed:
    """Open an account's secrets."""
    return Sealed.from_bytes(sealer.open(row.sealed, _about(row)))


def secrets_of(sealer: Sealer, row: ProviderAccount, base_url: str, certificates: Certificates) -> Secrets:
    """Return what this account's requests are verified by.

    A signature is enough where there is one; a provider without gets user and password. Mandrill signs the address.
    """
    made = opened(sealer, row)
    has_topics = bool(row.topics)
    pairs = tuple(f"{USER}:{each}" for each in made.passwords)
    return Secrets(
        basic=() if made.signing or has_topics else pairs,
        signing=made.signing,
        topics=tuple(row.topics),
        url=address_of(base_url, row.provider, made.path),
        certificates=certificates if has_topics else None,
    )


def address_of(base_url: str, provider: str, path: str) -> str:
    """Return the address to be entered at the provider."""
    return f"{base_url}/webhooks/{provider}/{path}"


def entered_at_provider(sealer: Sealer, row: ProviderAccount, base_url: str) -> dict[str, str]:
    """Return what is entered at the provider: the address, and where the provider signs nothing user and password.

    A provider without fields for them takes the second form of the address.
    """
    made = opened(sealer, row)
    address = address_of(base_url, row.provider, made.path)
    if made.signing or row.provider == "amazon_ses":
        return {"address": address}
    together = address.replace("://", f"://{USER}:{made.passwords[0]}@", 1)
    return {"address": address, "user": USER, "password": made.passwords[0], "together": together}


@dataclass(frozen=True, slots=True)
class Shown:
    """What an administrator sees. The password is there until the first event has come; a signing secret never is."""

    address: str
    user: str
    password: str
    together: str
    has_signing: bool
    has_older: bool
    link: str


def shown_to_admin(sealer: Sealer, row: ProviderAccount, base_url: str) -> Shown:
    """Return what an administrator may see of an account's secrets."""
    made, entered = opened(sealer, row), entered_at_provider(sealer, row, base_url)
    has_older = max(len(made.passwords), len(made.signing)) > 1
    is_shown = row.last_event_at is None or has_older
    return Shown(
        address=entered["address"],
        user=entered.get("user", ""),
        password=entered.get("password", "") if is_shown else "",
        together=entered.get("together", "") if is_shown else "",
        has_signing=bool(made.signing),
        has_older=has_older,
        link=link_of(sealer, row),
    )


def keep_link(row: ProviderAccount, sealer: Sealer, topic: str, link: str) -> None:
    """Keep the address by which a person confirms a topic; its token is a secret too."""
    row.pending_topic, row.sealed_link = topic, sealer.seal(link.encode(), _about(row, "link"))


def link_of(sealer: Sealer, row: ProviderAccount) -> str:
    """Return the address by which a person confirms the pending topic."""
    return sealer.open(row.sealed_link, _about(row, "link")).decode() if row.sealed_link else ""


def seal(row: ProviderAccount, sealer: Sealer, made: Sealed) -> None:
    """Seal an account's secrets."""
    row.sealed, row.path_digest = sealer.seal(made.to_bytes(), _about(row)), digest_of(made.path)


def digest_of(path: str) -> str:
    """Return the digest by which a path is looked up."""
    return hashlib.sha256(path.encode()).hexdigest()


def _about(row: ProviderAccount, what: str = "secrets") -> str:
    return f"provider/{row.name}/{what}"
