"""Uploaded files between their upload and their import: a folder each, under a random name, for a day."""

from __future__ import annotations

import json
import re
import secrets
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from newsletter.audience.text import one_line
from newsletter.errors import InvalidInput, NotFound

MOST_BYTES: Final = 512 * 1024 * 1024
_PIECE: Final = 1 << 20
_LIFETIME: Final = 24 * 3600
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)
_UNSAFE: Final = re.compile(r"[^\w. -]+")


@dataclass(frozen=True, slots=True)
class Upload:
    """One uploaded file, the list it is for, and once it was imported what came of it."""

    token: str
    folder: Path
    name: str
    list_slug: str
    result: dict[str, Any] | None
    failure: str

    @property
    def path(self) -> Path:
        """Return where the file is."""
        return self.folder / self.name

    @property
    def errors(self) -> Path:
        """Return where the bad rows are, if there are any."""
        return self.path.with_name(f"{self.path.stem}.errors.csv")


def keep_upload(root: Path, file: BinaryIO, name: str, list_slug: str) -> str:
    """Store an uploaded file and return its token; old uploads go.

    :raises InvalidInput: when it is too large.
    """
    forget_old(root)
    token = secrets.token_urlsafe(16)
    folder = root / token
    folder.mkdir(mode=0o700, parents=True)
    safe = _safe_name(name)
    try:
        _copy(file, folder / safe)
    except InvalidInput:
        shutil.rmtree(folder)
        raise
    _note(folder, {"name": safe, "list": list_slug})
    return token


def _safe_name(name: str) -> str:
    """Return a file name that can only lie in its folder."""
    bare = _UNSAFE.sub("-", one_line(name.replace("\\", "/").rpartition("/")[2], 80)).lstrip(". ")
    stem = bare.removesuffix(".csv").removesuffix(".errors") or "people"
    return f"{stem}.csv"


def _copy(file: BinaryIO, target: Path) -> None:
    size = 0
    with target.open("xb") as out:
        while piece := file.read(_PIECE):
            size += len(piece)
            if size > MOST_BYTES:
                raise InvalidInput(
                    "This file is larger than 512 MB: use newsletter subscribers import on the server."
                )
            out.write(piece)
    if not size:
        raise InvalidInput("Choose a file first: it was empty.")


def find_upload(root: Path, token: str) -> Upload:
    """Return an upload.

    :raises NotFound: when there is none (any more).
    """
    folder = root / token
    if not _TOKEN.fullmatch(token) or not (folder / "upload.json").is_file():
        raise NotFound("This upload is not kept any more: upload the file again.")
    known = json.loads((folder / "upload.json").read_text("utf-8"))
    return Upload(token, folder, known["name"], known["list"], known.get("result"), known.get("failure", ""))


def close_upload(upload: Upload, result: dict[str, Any]) -> None:
    """Keep what came of the import and the bad rows; the people's addresses go."""
    upload.path.unlink(missing_ok=True)
    _note(upload.folder, {"name": upload.name, "list": upload.list_slug, "result": result})


def note_failure(upload: Upload, why: str) -> None:
    """Keep why an import stopped; the file stays, so that it can be imported again."""
    _note(upload.folder, {"name": upload.name, "list": upload.list_slug, "failure": why})


def _note(folder: Path, known: dict[str, Any]) -> None:
    part = folder / "upload.part"
    part.write_text(json.dumps(known), "utf-8")
    part.replace(folder / "upload.json")


def forget_old(root: Path) -> None:
    """Delete uploads older than a day: they are full of addresses."""
    if not root.is_dir():
        return
    for folder in root.iterdir():
        if folder.stat().st_mtime < time.time() - _LIFETIME:
            shutil.rmtree(folder, ignore_errors=True)
