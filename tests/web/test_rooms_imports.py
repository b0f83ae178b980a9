"""People from a file: upload, look, choose columns, import, and the rows that could not be used."""

from __future__ import annotations

import csv
import io
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from newsletter.audience.csv_mapping import recognised, titles, try_rows, write_with_titles
from newsletter.audience.models import Consent, Subscriber
from newsletter.bootstrap import Container
from newsletter.db.session import unit_of_work
from newsletter.errors import InvalidInput
from newsletter.web.views import import_run
from newsletter.web.views.uploads import find_upload, keep_upload
from tests.support.rooms import fill
from tests.support.signed_in import Browser

FILE = (
    b"E-Mail;Vorname;Nachname;Sprache;Stadt\n"
    b"ada@example.com;Ada;Brandt;de;Norrhaven\n"
    b"no address;;;;\n"
    b"reader000001@example.com;Bela;Brandt;en;\n"
    b"bo@example.com;Bo;Quist;;=1+1\n"
)


@pytest.fixture
def admin(container: Container) -> Browser:
    """An administrator in a filled installation."""
    with unit_of_work(container.sessions) as session:
        fill(session)
    return Browser(container, "admin")


def upload(admin: Browser, content: bytes = FILE, name: str = "readers.csv", to: str = "events") -> str:
    """Upload a file; return the address of its page."""
    answer = admin.send("/admin/subscribers/imports", files={"file": (name, content, "text/csv")}, list=to)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def people(parts: Container) -> int:
    """Count everybody."""
    with parts.reading_sessions() as session:
        return session.scalar(select(func.count()).select_from(Subscriber)) or 0


def test_looking_shows_columns_and_first_rows_and_stores_nothing(
    admin: Browser, container: Container
) -> None:
    before = people(container)
    page = admin.page(upload(admin))
    assert '<option value="email" selected>' in page
    assert '<option value="first" selected>' in page
    assert "Keep as “Stadt”" in page
    assert "Ada Brandt" in page
    assert "stays suppressed" in page
    assert "4 rows: 3 usable, 1 invalid, 1 suppressed" in page
    assert people(container) == before


def test_importing_needs_to_know_how_they_agreed(admin: Browser, container: Container) -> None:
    before = people(container)
    assert admin.send(upload(admin), consent="  ").status_code == 422
    assert people(container) == before


def test_an_import_shows_a_result_that_adds_up_and_its_bad_rows(admin: Browser, container: Container) -> None:
    place = upload(admin)
    assert admin.send(place, consent="Bought a ticket").headers["location"] == place
    page = admin.page(place)
    assert "readers.csv is imported" in page
    assert "1 row could not be used" in page
    bad = list(csv.DictReader(io.StringIO(admin.page(f"{place}/errors.csv"))))
    assert [row["line"] for row in bad] == ["3"]
    with container.reading_sessions() as session:
        person = session.scalars(select(Subscriber).where(Subscriber.email == "ada@example.com")).one()
        proof = session.scalars(select(Consent).where(Consent.subscriber_id == person.id)).one()
    assert (person.name, person.language, person.attributes) == ("Ada Brandt", "de", {"Stadt": "Norrhaven"})
    assert proof.wording == "Bought a ticket"
    assert "readers.csv" in admin.page("/admin/subscribers/imports")


def test_the_uploaded_addresses_are_deleted_afterwards(admin: Browser, container: Container) -> None:
    place = upload(admin)
    admin.send(place, consent="Bought a ticket")
    kept = sorted(one.name for one in (container.settings.data_dir / "uploads").glob("*/*"))
    assert kept == ["readers.errors.csv", "upload.json"]
    assert admin.send(place, consent="Again").status_code == 303  # a second click imports nothing


def test_a_long_import_shows_how_far_it_is_and_starts_once(admin: Browser, container: Container) -> None:
    place = upload(admin)
    kept = find_upload(container.settings.data_dir / "uploads", place.rpartition("/")[2])
    (kept.folder / "running").write_text(str(len(FILE) // 2))
    before = people(container)
    page = admin.page(place)
    assert "<b>50 %</b> of the file is read." in page
    assert 'data-tell="50 % of the file is read."' in page
    assert admin.send(place, consent="x").status_code == 303
    assert people(container) == before
    os.utime(kept.folder / "running", (0, 0))  # its process ended: it can be imported again
    admin.send(place, consent="x")
    assert "readers.csv is imported" in admin.page(place)
    assert admin.get(place, **{"hx-request": "true"}).headers["hx-refresh"] == "true"


def test_an_import_that_stops_says_why_and_can_go_again(admin: Browser, container: Container) -> None:
    place = upload(admin)
    kept = find_upload(container.settings.data_dir / "uploads", place.rpartition("/")[2])

    def fail(_tell: object) -> dict[str, object]:
        raise InvalidInput("the disk is full")

    import_run.begin(kept, fail)
    assert "The import stopped: the disk is full" in admin.page(place)
    admin.send(place, consent="x")
    assert "readers.csv is imported" in admin.page(place)


def test_other_columns_can_be_chosen(admin: Browser, container: Container) -> None:
    content = b"who,where\n\nAda,ada@example.com\nBo,nonsense\n"
    place = upload(admin, content)
    assert "Choose one column as the address." in admin.page(place)
    assert admin.send(place, consent="x").status_code == 422
    chosen = {"c0": "name", "c1": "email"}
    assert "Ada" in admin.page(f"{place}?c0=name&c1=email")
    admin.send(place, consent="x", **chosen)
    bad = list(csv.DictReader(io.StringIO(admin.page(f"{place}/errors.csv"))))
    assert [row["line"] for row in bad] == ["4"]
    with container.reading_sessions() as session:
        assert (
            session.scalars(select(Subscriber.name).where(Subscriber.email == "ada@example.com")).one()
            == "Ada"
        )


def test_on_a_double_list_people_wait_unless_they_confirmed(admin: Browser) -> None:
    admin.send(upload(admin, b"email\nwait@example.com\n", to="letter"), consent="x")
    admin.send(upload(admin, b"email\nsure@example.com\n", to="letter"), consent="x", confirmed="yes")
    assert "Waiting to confirm" in admin.page("/admin/subscribers?q=wait@").partition('id="found"')[2]
    assert "Subscribed" in admin.page("/admin/subscribers?q=sure@").partition('id="found"')[2]


@pytest.mark.parametrize(
    ("content", "name"), [(b"", "a.csv"), (b"", ""), (b"PK\x03\x04sheet", "a.xlsx"), (b"\n\n", "a.csv")]
)
def test_what_is_no_csv_is_refused_in_a_sentence(admin: Browser, content: bytes, name: str) -> None:
    answer = admin.send(
        "/admin/subscribers/imports", files={"file": (name, content, "text/csv")}, list="events"
    )
    if answer.status_code == 303:
        answer = admin.get(answer.headers["location"])
    assert answer.status_code == 422


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..\\..\\boot.ini", "a/b.csv", ".hidden", "x" * 400, "\x00"]
)
def test_a_hostile_file_name_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    token = keep_upload(tmp_path, io.BytesIO(b"email\n"), name, "letter")
    kept = find_upload(tmp_path, token)
    assert kept.path.resolve().parent == (tmp_path / token).resolve()
    assert kept.path.is_file()


def test_old_uploads_are_forgotten(tmp_path: Path) -> None:
    old = keep_upload(tmp_path, io.BytesIO(b"email\n"), "old.csv", "letter")
    long_ago = time.time() - 3 * 24 * 3600
    os.utime(tmp_path / old, (long_ago, long_ago))
    new = keep_upload(tmp_path, io.BytesIO(b"email\n"), "new.csv", "letter")
    assert [one.name for one in tmp_path.iterdir()] == [new]


def test_columns_are_recognised_once() -> None:
    header = ["E-Mail", "email", "Vorname", "Stadt", ""]
    assert recognised(header) == ["email", "attribute", "first", "attribute", ""]
    assert titles(header, ["", "email", "name", "attribute", ""]) == ["", "email", "name", "Stadt", ""]
    with pytest.raises(InvalidInput):
        titles(header, ["email", "email", "", "", ""])


_CELL = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=20)


@given(st.lists(st.tuples(_CELL, _CELL), max_size=8))
def test_a_rewritten_file_keeps_its_lines_and_cells(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("rewritten")
    source, target = folder / "a.csv", folder / "b.csv"
    with source.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([("one", "two"), *rows])
    write_with_titles(source, target, ["email", ""])
    before, after = try_rows(source, ["email", ""], 100), try_rows(target, ["email", ""], 100)
    assert [(one.line, one.person) for one in after] == [(one.line, one.person) for one in before]
