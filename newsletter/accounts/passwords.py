"""Passwords: argon2id with the library's current parameters."""

from __future__ import annotations

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from newsletter.errors import InvalidInput

SHORTEST, LONGEST = 8, 1024


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _nobody() -> str:
    """Return a hash that no password fits, to spend the same time on unknown people."""
    return _hasher().hash("nobody's password")


def hash_password(password: str) -> str:
    """Return the hash to store.

    :raises InvalidInput: when the password is too short or too long.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidInput(f"A password has at least {SHORTEST} characters (and at most {LONGEST:,}).")
    try:
        return _hasher().hash(password)
    except UnicodeEncodeError:
        raise InvalidInput("The password holds characters that cannot be stored.") from None


def password_fits(stored: str | None, password: str) -> bool:
    """Say whether the password is the stored one; takes as long when nothing is stored."""
    if len(password) > LONGEST:
        return False
    try:
        return _hasher().verify(stored or _nobody(), password) and stored is not None
    except (VerifyMismatchError, VerificationError, InvalidHashError, UnicodeEncodeError):
        return False


def is_outdated(stored: str) -> bool:
    """Say whether the hash was made with weaker parameters than today's."""
    return _hasher().check_needs_rehash(stored)
