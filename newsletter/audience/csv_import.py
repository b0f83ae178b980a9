"""CSV import: streamed, in chunks that commit, headers recognised by their usual names, bad rows to a file.

Suppressed people stay suppressed, people who left stay away, and known people keep their words.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from newsletter.audience.addresses import normalise
from newsletter.audience.consent import wording_hash
from newsletter.audience.lists import find_list
from newsletter.audience.models import Consent, MailingList, Subscriber, SubscriberImport, Subscription
from newsletter.audience.suppressions import suppressed_keys
from newsletter.audience.text import one_line
from newsletter.clock import Clock
from newsletter.db.session import Sessions, unit_of_work
from newsletter.errors import InvalidInput

CHUNK = 500  # 500 addresses and their 500 hashes stay below SQLite's and PostgreSQL's limits of parameters
MOST_COLUMNS, MOST_CELL = 100, 2000
_HEADERS = {
    "email": ("email", "e-mail", "mail", "email address", "e-mail address", "emailaddress", "address", "subscriber", "correo", "adresse"),
    "name": ("name", "full name", "fullname", "display name", "nom", "nombre"),
    "first": ("first name", "firstname", "first", "given name", "vorname", "prénom"),
    "last": ("last name", "lastname", "last", "surname", "family name", "nachname"),
    "language": ("language", "lang", "locale", "sprache", "langue", "idioma"),
}  # fmt: skip


@dataclass(slots=True)
class ImportResult:
    """The counts of an import; they add up: rows = created + updated + unchanged + invalid + suppressed."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    invalid: int = 0
    suppressed: int = 0
    errors_file: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the form of the interface page."""
        return {name: getattr(self, name) for name in ImportResult.__slots__}


@dataclass(frozen=True, slots=True)
class Row:
    """One valid row."""

    line: int
    email: str
    key: str
    name: str
    language: str | None
    attributes: dict[str, str]


@dataclass
class _Plan:
    """What an import needs to know besides its rows."""

    list_id: int
    state: str
    consent: str
    secret: bytes
    now: datetime
    import_id: int
    publication_id: int | None


@dataclass
class _Errors:
    """Bad rows, written beside the import as they come."""

    path: Path
    file: TextIO | None = None
    seen: set[str] = field(default_factory=set)

    def note(self, line: int, reason: str, cells: list[str]) -> None:
        """Write one bad row with its line and reason, guarded against spreadsheet formulas (S14)."""
        if self.file is None:
            self.file = self.path.open("w", encoding="utf-8", newline="")
            csv.writer(self.file).writerow(["line", "reason", "row"])
        csv.writer(self.file, quoting=csv.QUOTE_ALL).writerow([line, reason, guarded(" | ".join(cells))])

    def close(self) -> str | None:
        """Close; return the path when there were any."""
        if self.file is None:
            return None
        self.file.close()
        return str(self.path)


def guarded(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return "'" + cell if cell[:1] in ("=", "+", "-", "@", "\t", "\r", "\0", "＝", "＋", "－", "＠") else cell


def import_csv(
    sessions: Sessions,
    path: Path,
    *,
    list_slug: str,
    consent: str = "",
    confirmed: bool = False,
    actor: str,
    clock: Clock,
    secret: bytes,
    errors_path: Path | None = None,
    on_progress: Callable[[int], None] = lambda _rows: None,
) -> ImportResult:
    """Import a file into a list; every chunk of rows is a transaction, so a killed import can simply run again.

    :raises InvalidInput: when the file cannot be read or has no column of addresses.
    """
    with open_csv(path) as file:
        reader, columns = _reader(file)
        plan = _begin(
            sessions, path, list_slug, consent, confirmed=confirmed, actor=actor, clock=clock, secret=secret
        )
        result, errors = ImportResult(), _Errors(errors_path or path.with_suffix(".errors.csv"))
        rows = _valid_rows(reader, columns, result, errors)
        while chunk := list(islice(rows, CHUNK)):
            with unit_of_work(sessions) as session:
                _store(session, chunk, plan, result)
            on_progress(result.rows)
        result.errors_file = errors.close()
    _finish(sessions, plan.import_id, result, clock.now())
    return result


def open_csv(path: Path) -> TextIO:
    """Open a CSV with the encoding it has: UTF-8, UTF-16 with its mark, else cp1252.

    :raises InvalidInput: when the file cannot be opened.
    """
    try:
        with path.open("rb") as probe:
            start = probe.read(1 << 16)
    except OSError as error:
        raise InvalidInput(f"Cannot read {path}: {error.strerror}.") from None
    encoding = "utf-8-sig"
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    else:
        try:
            start[: len(start) - 3 if len(start) == 1 << 16 else None].decode("utf-8")
        except UnicodeDecodeError:
            encoding = "cp1252"
    return path.open(encoding=encoding, errors="replace", newline="")


def _reader(file: TextIO) -> tuple[Iterator[list[str]], dict[str, int]]:
    first = file.readline(MOST_CELL * MOST_COLUMNS)
    if not first.strip():
        raise InvalidInput("The file is empty: its first row must name the columns, one of them 'email'.")
    delimiter = max(",;\t|", key=first.count)
    header = next(csv.reader(io.StringIO(first), delimiter=delimiter))
    if len(header) > MOST_COLUMNS:
        raise InvalidInput(f"The file has {len(header)} columns; at most {MOST_COLUMNS} are read.")
    columns = _columns(header)
    if "email" not in columns:
        raise InvalidInput(
            f"No column of addresses found in {', '.join(header)[:200]!r}: name one of them 'email'."
        )
    return csv.reader((line.replace("\0", "") for line in file), delimiter=delimiter), columns


def _columns(header: list[str]) -> dict[str, int]:
    """Map our fields to column numbers; other columns keep their name with a leading dot."""
    columns: dict[str, int] = {}
    for index, title in enumerate(header):
        plain = " ".join(title.strip().lower().replace("_", " ").split())
        known = next(
            (name for name, titles in _HEADERS.items() if plain in titles and name not in columns), None
        )
        columns[known or f".{title.strip()[:60] or index}"] = index
    return columns


def _valid_rows(
    reader: Iterator[list[str]], columns: dict[str, int], result: ImportResult, errors: _Errors
) -> Iterator[Row]:
    line = 1
    while True:
        line += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            result.rows, result.invalid = result.rows + 1, result.invalid + 1
            errors.note(line, f"cannot be read: {error}", [])
            continue
        if not any(cell.strip() for cell in cells):
            continue
        result.rows += 1
        try:
            row = _row(line, cells, columns)
        except InvalidInput as error:
            result.invalid += 1
            errors.note(line, str(error), cells)
            continue
        if row.key in errors.seen:
            result.unchanged += 1
            continue
        errors.seen.add(row.key)
        yield row


def _row(line: int, cells: list[str], columns: dict[str, int]) -> Row:
    if any(len(cell) > MOST_CELL for cell in cells):
        raise InvalidInput(f"A cell is longer than {MOST_CELL} characters.")

    def cell(name: str) -> str:
        index = columns.get(name)
        return cells[index].strip() if index is not None and index < len(cells) else ""

    address = normalise(cell("email").removeprefix("'"))
    name = cell("name") or f"{cell('first')} {cell('last')}".strip()
    others = {title[1:]: cell(title) for title in columns if title.startswith(".") and cell(title)}
    return Row(line, address.email, address.key, one_line(name), cell("language")[:35] or None, others)


def _begin(
    sessions: Sessions,
    path: Path,
    slug: str,
    consent: str,
    *,
    confirmed: bool,
    actor: str,
    clock: Clock,
    secret: bytes,
) -> _Plan:
    with unit_of_work(sessions) as session:
        mailing_list: MailingList = find_list(session, slug)
        record = SubscriberImport(list_id=mailing_list.id, file_name=path.name, actor=actor, consent=consent)
        session.add(record)
        session.flush()
        state = "confirmed" if confirmed or mailing_list.optin == "single" else "pending"
        return _Plan(
            mailing_list.id, state, consent, secret, clock.now(), record.id, mailing_list.publication_id
        )


def _store(session: Session, rows: list[Row], plan: _Plan, result: ImportResult) -> None:
    keys = [row.key for row in rows]
    blocked = suppressed_keys(session, keys, plan.secret, plan.publication_id)
    result.suppressed += len(blocked)
    wanted = [row for row in rows if row.key not in blocked]
    people = {
        person.address_key: person
        for person in session.scalars(select(Subscriber).where(Subscriber.address_key.in_(keys)))
    }
    changed = {row.key for row in wanted if row.key in people and _mended(people[row.key], row)}
    session.flush()
    fresh = [row for row in wanted if row.key not in people]
    ids = {key: person.id for key, person in people.items()} | _insert_people(session, fresh, plan)
    joined = _join(session, [ids[row.key] for row in wanted], plan)
    for row in wanted:
        if row.key not in people:
            result.created += 1
        elif row.key in changed or ids[row.key] in joined:
            result.updated += 1
        else:
            result.unchanged += 1


def _mended(person: Subscriber, row: Row) -> bool:
    """Fill in what was unknown; what is known stays."""
    changed = False
    if row.name and not person.name:
        person.name, changed = row.name, True
    if row.language and not person.language:
        person.language, changed = row.language, True
    fresh = {name: value for name, value in row.attributes.items() if name not in person.attributes}
    if fresh:
        person.attributes, changed = person.attributes | fresh, True
    return changed


def _insert_people(session: Session, rows: list[Row], plan: _Plan) -> dict[str, int]:
    if not rows:
        return {}
    values = [
        {
            "email": row.email, "address_key": row.key, "name": row.name, "language": row.language,
            "attributes": row.attributes, "created_at": plan.now, "updated_at": plan.now,
        }
        for row in rows
    ]  # fmt: skip
    session.execute(insert(Subscriber), values)
    found = session.execute(
        select(Subscriber.address_key, Subscriber.id).where(
            Subscriber.address_key.in_([row.key for row in rows])
        )
    )
    return dict(found.tuples().all())


def _join(session: Session, person_ids: list[int], plan: _Plan) -> set[int]:
    """Add memberships that do not exist; nobody who left is brought back. Returns who joined or was confirmed."""
    statement = select(Subscription).where(
        Subscription.list_id == plan.list_id, Subscription.subscriber_id.in_(person_ids)
    )
    known = {row.subscriber_id: row for row in session.scalars(statement)}
    confirmed_now = {
        person_id for person_id, row in known.items() if row.state == "pending" and plan.state == "confirmed"
    }
    for person_id in confirmed_now:
        known[person_id].state, known[person_id].confirmed_at = "confirmed", plan.now
    joined = [person_id for person_id in person_ids if person_id not in known]
    confirmed_at = plan.now if plan.state == "confirmed" else None
    if joined:
        session.execute(
            insert(Subscription),
            [
                {"list_id": plan.list_id, "subscriber_id": person_id, "state": plan.state, "confirmed_at": confirmed_at,
                 "created_at": plan.now, "unsubscribe_reason": "", "unsubscribe_source": ""}
                for person_id in joined
            ],
        )  # fmt: skip
    consented = [*joined, *confirmed_now]
    if consented:
        session.execute(insert(Consent), [_consent(person_id, plan) for person_id in consented])
    return {*joined, *confirmed_now}


def _consent(person_id: int, plan: _Plan) -> dict[str, Any]:
    return {
        "subscriber_id": person_id, "list_id": plan.list_id, "action": "import", "source": f"import {plan.import_id}",
        "at": plan.now, "ip": "", "user_agent": "", "wording": plan.consent, "wording_hash": wording_hash(plan.consent),
    }  # fmt: skip


def _finish(sessions: Sessions, import_id: int, result: ImportResult, now: datetime) -> None:
    with unit_of_work(sessions) as session:
        record = session.get_one(SubscriberImport, import_id)
        record.rows, record.created_count, record.updated_count = result.rows, result.created, result.updated
        record.unchanged_count, record.invalid_count = result.unchanged, result.invalid
        record.suppressed_count, record.ended_at = result.suppressed, now
