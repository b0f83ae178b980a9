"""CSV import: streamed, in chunks that each commit, so that a killed import can simply run again.

Suppressed people stay suppressed, people who left stay away, and what people said about themselves stands (S15).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from newsletter.audience.csv_columns import Columns, Person
from newsletter.audience.csv_reading import CsvFile, open_csv
from newsletter.audience.csv_storing import Plan, store
from newsletter.audience.import_result import ErrorsFile, ImportResult
from newsletter.audience.lists import find_list
from newsletter.audience.models import SubscriberImport
from newsletter.audience.states import OptIn, SubscriptionState
from newsletter.audience.suppressions import Secret
from newsletter.audience.text import one_line, several_lines
from newsletter.clock import Clock
from newsletter.db.session import Sessions, unit_of_work
from newsletter.errors import InvalidInput

#: Addresses and their hashes of one chunk stay below SQLite's and PostgreSQL's limits of parameters.
CHUNK = 5000


def import_csv(
    sessions: Sessions,
    path: Path,
    *,
    list_slug: str,
    consent: str = "",
    confirmed: bool = False,
    actor: str,
    clock: Clock,
    secret: Secret,
    errors_dir: Path | None = None,
    on_progress: Callable[[int], None] = lambda _bytes: None,
) -> ImportResult:
    """Import a file into a list. Bad rows go to a file beside it, or in `errors_dir` when that cannot be written.

    `on_progress` is given the number of bytes read. The secret is used only when somebody was ever erased.

    :raises InvalidInput: when the file cannot be read or has no column of addresses.
    :raises NotFound: when there is no such list.
    """
    errors = ErrorsFile(path, errors_dir)
    result = ImportResult()
    with open_csv(path) as file:
        columns = Columns(file.header)
        plan = _begin(
            sessions, path, list_slug, consent, confirmed=confirmed, actor=actor, clock=clock, secret=secret
        )
        people = read_people(file, columns, result, errors)
        try:
            for chunk in _read_ahead(people):
                with unit_of_work(sessions) as session:
                    outcome = store(session, chunk, plan)
                _add(result, outcome)
                on_progress(file.position())
        finally:
            result.errors_file = errors.close()
    _finish(sessions, plan.import_id, result, clock)
    return result


def _read_ahead(people: Iterator[Person]) -> Iterator[list[Person]]:
    """Yield chunks; the next one is read while the database stores this one."""
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(_chunk, people)
        while chunk := coming.result():
            coming = reader.submit(_chunk, people)
            yield chunk


def _chunk(people: Iterator[Person]) -> list[Person]:
    return list(islice(people, CHUNK))


def read_people(
    file: CsvFile, columns: Columns, result: ImportResult, errors: ErrorsFile
) -> Iterator[Person]:
    """Yield the usable rows; count all, and note the others."""
    for row in file.rows:
        result.rows += 1
        try:
            if row.problem:
                raise InvalidInput(row.problem)
            yield columns.person(row.line, row.cells)
        except InvalidInput as error:
            result.invalid += 1
            errors.note(row.line, str(error), row.cells)


def _add(result: ImportResult, outcome: ImportResult) -> None:
    """Count a chunk once it is committed."""
    result.created += outcome.created
    result.updated += outcome.updated
    result.unchanged += outcome.unchanged
    result.suppressed += outcome.suppressed


def _begin(
    sessions: Sessions,
    path: Path,
    slug: str,
    consent: str,
    *,
    confirmed: bool,
    actor: str,
    clock: Clock,
    secret: Secret,
) -> Plan:
    wording = several_lines(consent) or f"Imported from {one_line(path.name)} by {one_line(actor)}."
    with unit_of_work(sessions) as session:
        mailing_list = find_list(session, slug)
        record = SubscriberImport(
            list_id=mailing_list.id,
            file_name=one_line(path.name),
            actor=one_line(actor, 254),
            consent=wording,
            started_at=clock.now(),
        )
        session.add(record)
        session.flush()
        counts_at_once = confirmed or mailing_list.optin == OptIn.SINGLE
        return Plan(
            list_id=mailing_list.id,
            publication_id=mailing_list.publication_id,
            import_id=record.id,
            state=SubscriptionState.CONFIRMED if counts_at_once else SubscriptionState.PENDING,
            wording=wording,
            secret=secret,
            now=clock.now(),
        )


def _finish(sessions: Sessions, import_id: int, result: ImportResult, clock: Clock) -> None:
    with unit_of_work(sessions) as session:
        record = session.get_one(SubscriberImport, import_id)
        record.rows, record.created_count, record.updated_count = result.rows, result.created, result.updated
        record.unchanged_count, record.invalid_count = result.unchanged, result.invalid
        record.suppressed_count, record.ended_at = result.suppressed, clock.now()
