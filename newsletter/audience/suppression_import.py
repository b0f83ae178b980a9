"""Suppress every address of a file: the list of those who left, bounced or complained elsewhere."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from sqlalchemy.orm import Session

from newsletter.audience.addresses import normalise
from newsletter.audience.csv_columns import Columns
from newsletter.audience.csv_import import CHUNK, read_people
from newsletter.audience.csv_reading import CsvFile, open_csv
from newsletter.audience.import_result import ErrorsFile, ImportResult
from newsletter.audience.suppressions import suppress, suppressed_keys
from newsletter.clock import Clock
from newsletter.db.session import Sessions, unit_of_work
from newsletter.errors import InvalidInput


def import_suppressions(
    sessions: Sessions,
    path: Path,
    *,
    reason: str = "imported",
    publication_id: int | None = None,
    actor: str,
    clock: Clock,
    errors_dir: Path | None = None,
) -> ImportResult:
    """Read a CSV with a column of addresses, or one address per line, and suppress each.

    :raises InvalidInput: when the file cannot be read, or the reason is none.
    """
    result, errors = ImportResult(), ErrorsFile(path, errors_dir)
    with open_csv(path) as file:
        columns, first = _columns(file)
        result.rows += len(first)
        people = read_people(file, columns, result, errors)
        keys = (key for keys in (first, (each.key for each in people)) for key in keys)
        try:
            while chunk := list(islice(keys, CHUNK)):
                with unit_of_work(sessions) as session:
                    new = _suppress_all(session, set(chunk), reason, publication_id, actor, path.name, clock)
                result.created += new
                result.unchanged += len(chunk) - new
        finally:
            result.errors_file = errors.close()
    return result


def _columns(file: CsvFile) -> tuple[Columns, list[str]]:
    """Return the columns; a file whose first row is an address has no titles and its first row counts."""
    try:
        return Columns(file.header), []
    except InvalidInput:
        try:
            first = normalise(file.header[0]).key
        except InvalidInput:
            pass
        else:
            return Columns(["email"]), [first]
        raise


def _suppress_all(
    session: Session,
    keys: set[str],
    reason: str,
    publication_id: int | None,
    actor: str,
    file_name: str,
    clock: Clock,
) -> int:
    known = suppressed_keys(session, keys, b"", publication_id)
    for key in sorted(keys - known):
        suppress(
            session,
            key,
            reason=reason,
            source="import",
            detail=f"from {file_name}",
            publication_id=publication_id,
            actor=actor,
            now=clock.now(),
        )
    return len(keys - known)
