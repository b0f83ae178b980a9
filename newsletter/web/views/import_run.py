"""Importing behind the page: a large file takes minutes, and no browser waits that long.

The work is in chunks that each commit, so a process that ends in between loses nothing: the file is imported again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from newsletter.errors import NewsletterError
from newsletter.logs import logger
from newsletter.web.views.uploads import Upload, close_upload, note_failure

log = logger(__name__)
Work = Callable[[Callable[[int], None]], dict[str, Any]]
#: A small file is done within this time, and the next page shows the result.
_PATIENCE: Final = 3.0
#: Work that says nothing for this long has ended with its process.
_SILENCE: Final = 120.0


def begin(upload: Upload, work: Work) -> None:
    """Start the work unless it goes on already; return when it is done, or after a moment."""
    if position(upload) is not None:
        return
    marker = _marker(upload)
    marker.unlink(missing_ok=True)
    try:
        marker.touch(exist_ok=False)
    except FileExistsError:  # of two clicks at once the other one won
        return
    thread = threading.Thread(target=_run, args=(upload, work), name="import", daemon=True)
    thread.start()
    thread.join(_PATIENCE)


def position(upload: Upload) -> int | None:
    """Return how many bytes were read by the work that goes on; None when none does."""
    marker = _marker(upload)
    try:
        if time.time() - marker.stat().st_mtime > _SILENCE:
            return None
        return int(marker.read_text("ascii") or 0)
    except FileNotFoundError:
        return None


def _run(upload: Upload, work: Work) -> None:
    marker = _marker(upload)
    try:
        close_upload(upload, work(lambda read: _note(marker, read)))
    except NewsletterError as error:
        note_failure(upload, str(error))
    except Exception:
        log.exception("import_failed", upload=upload.token)
        note_failure(upload, "This is our fault, not yours; the log says what happened. Import it again.")
    finally:
        marker.unlink(missing_ok=True)


def _note(marker: Path, read: int) -> None:
    marker.write_text(str(read), "ascii")


def _marker(upload: Upload) -> Path:
    return upload.folder / "running"
