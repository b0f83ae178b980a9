"""The addresses that mail comes back to: `b+TOKEN@` the return path of a delivery, `u+TOKEN@` its unsubscribe address.

A token counts only when its signature holds (M19): a forged one is the same as none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from newsletter.rendering.tokens import TOKEN_LENGTH, Keyring

_TOKEN: Final = rf"[a-z2-7]{{{TOKEN_LENGTH}}}"
_ADDRESS: Final = re.compile(rf"([bu])\+({_TOKEN})@([a-z0-9.-]{{1,253}})", re.IGNORECASE)
_OURS: Final = re.compile(rb"(?<![a-z0-9])[a-z2-7]{%d}(?![a-z0-9])" % TOKEN_LENGTH, re.IGNORECASE)
_ADDRESSED: Final = re.compile(rf"([bu])\+({_TOKEN})@".encode(), re.IGNORECASE)
#: Tokens stand in headers, ours or those of the returned message: enough for any of them, and a bound on the work.
_SEARCHED_BYTES: Final = 256 * 1024
_MOST_TOKENS: Final = 50


@dataclass(frozen=True, slots=True)
class ReturnAddress:
    """An address in one of the two forms; its token is not verified yet."""

    use: Literal["bounce", "unsubscribe"]
    token: str
    domain: str


@dataclass(frozen=True, slots=True)
class Claim:
    """The delivery a returned mail is about. `asks_to_leave`: it came to the unsubscribe address."""

    delivery_id: int
    asks_to_leave: bool = False


def parse_return_address(address: str) -> ReturnAddress | None:
    """Return the parts of `b+…@domain` or `u+…@domain`; None for every other address."""
    match = _ADDRESS.fullmatch(address.strip().strip("<>"))
    if match is None:
        return None
    use: Literal["bounce", "unsubscribe"] = "bounce" if match[1].lower() == "b" else "unsubscribe"
    return ReturnAddress(use, match[2].lower(), match[3].lower())


def claim_of(recipient: str, raw: bytes, keyring: Keyring) -> Claim | None:
    """Return whom a returned mail is about: by the address it came to, else by a token of ours inside it."""
    address = parse_return_address(recipient)
    if address is not None:
        return _verified(address.use, address.token, keyring)
    return _addressed(raw, keyring) or _quoted(raw, keyring)


def _verified(use: str, token: str, keyring: Keyring) -> Claim | None:
    signer = keyring.return_path if use == "bounce" else keyring.recipient
    delivery_id = signer.verify(token)
    return None if delivery_id is None else Claim(delivery_id, asks_to_leave=use == "unsubscribe")


def _addressed(raw: bytes, keyring: Keyring) -> Claim | None:
    """Look for a return address in the mail's own headers: To, Delivered-To, X-Original-To, Received."""
    headers = re.split(rb"\r?\n\r?\n", raw[:_SEARCHED_BYTES], maxsplit=1)[0]
    for use, token in _ADDRESSED.findall(headers)[:_MOST_TOKENS]:
        claim = _verified("bounce" if use.lower() == b"b" else "unsubscribe", token.decode(), keyring)
        if claim is not None:
            return claim
    return None


def _quoted(raw: bytes, keyring: Keyring) -> Claim | None:
    """Look for a token of the returned message: its Message-ID, return path or links."""
    for token in _OURS.findall(raw[:_SEARCHED_BYTES])[:_MOST_TOKENS]:
        for signer in (keyring.message_id, keyring.return_path, keyring.recipient):
            delivery_id = signer.verify(token.decode())
            if delivery_id is not None:
                return Claim(delivery_id)
    return None
