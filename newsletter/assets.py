"""Find shipped files both in a wheel and in a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def asset(name: str) -> Path:
    """Return the folder of shipped files called `name` ("alembic", "templates")."""
    bundled = _PACKAGE / "_assets" / name
    return bundled if bundled.exists() else _PACKAGE.parent / name
