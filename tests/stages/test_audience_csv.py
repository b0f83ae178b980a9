"""CSV in and out (S14, S15)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from newsletter.audience import service
from newsletter.audience.csv_export import export_subscribers
from newsletter.audience.csv_import import import_csv
from newsletter.audience.import_result import ImportResult
from newsletter.audience.models import Consent, Subscriber, SubscriberImport, Subscription
from newsletter.audience.suppression_import import import_suppressions
from newsletter.audience.suppressions import suppress
from newsletter.clock import SystemClock
from newsletter.db.session import Sessions, unit_of_work
from newsletter.errors import InvalidInput, NotFound

CLOCK = SystemClock()
SECRET = b"a secret for tests, long enough"


@pytest.fixture(autouse=True)
def readers(sessions: Sessions) -> None:
    with unit_of_work(sessions) as session:
        service.create_list(session, slug="readers", name="Readers")


def take_in(sessions: Sessions, folder: Path, content: str | bytes, **options: Any) -> ImportResult:
    path = folder / "people.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    values: dict[str, Any] = {"list_slug": "readers", "actor": "test", "clock": CLOCK, "secret": SECRET}
    return import_csv(sessions, path, **(values | {"confirmed": True} | options))


def people(sessions: Sessions) -> dict[str, tuple[str, str | None, dict[str, Any]]]:
    with sessions() as session:
        return {p.email: (p.name, p.language, p.attributes) for p in session.scalars(select(Subscriber))}


def states(sessions: Sessions) -> dict[str, str]:
    with sessions() as session:
        query = select(Subscriber.email, Subscription.state).join(Subscription)
        return dict(session.execute(query).all())


PLAIN = (
    "email,name,language,City\nada@example.com,Ada Lovelace,en,London\nbo@example.com,Bo Åström,sv,Malmö\n"
)
EXPECTED = {
    "ada@example.com": ("Ada Lovelace", "en", {"City": "London"}),
    "bo@example.com": ("Bo Åström", "sv", {"City": "Malmö"}),
}


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode(),
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("utf-16"),
        b"\xfe\xff" + PLAIN.encode("utf-16-be"),
        PLAIN.encode("utf-16-le"),
        PLAIN.encode("cp1252"),
        PLAIN.replace(",", ";").encode(),
        PLAIN.replace(",", "\t").encode(),
        ("sep=;\r\n" + PLAIN.replace(",", ";")).encode(),
        PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.replace("\n", "\r").encode(),
        ("\n\n" + PLAIN).encode(),
        PLAIN.replace("email", "E-Mail Address")
        .replace("name", "Full_Name")
        .replace("language", "Lang")
        .encode(),
        PLAIN.replace("Ada", "A\0da").encode(),
    ],
)
def test_any_encoding_delimiter_and_title(sessions: Sessions, tmp_path: Path, content: bytes) -> None:
    result = take_in(sessions, tmp_path, content)
    assert (result.rows, result.created, result.errors_file) == (2, 2, None)
    assert people(sessions) == EXPECTED


def test_names_in_two_columns(sessions: Sessions, tmp_path: Path) -> None:
    take_in(sessions, tmp_path, "Vorname,Nachname,mail\nAda,Lovelace,ada@example.com\n")
    assert people(sessions)["ada@example.com"][0] == "Ada Lovelace"


def test_counts_add_up_and_a_second_run_changes_nothing(sessions: Sessions, tmp_path: Path) -> None:
    with unit_of_work(sessions) as session:
        suppress(session, "no@example.com", reason="complaint", source="test", now=CLOCK.now())
    content = PLAIN + "no@example.com,No,,\nbroken,,,\nADA@example.com,,,\n"
    first = take_in(sessions, tmp_path, content)
    assert (
        first.rows == first.created + first.updated + first.unchanged + first.invalid + first.suppressed == 5
    )
    assert (first.created, first.unchanged, first.invalid, first.suppressed) == (2, 1, 1, 1)
    second = take_in(sessions, tmp_path, content)
    assert (second.created, second.updated, second.unchanged) == (0, 0, 3)
    assert set(states(sessions)) == {"ada@example.com", "bo@example.com"}
    errors = Path(str(first.errors_file)).read_text()
    assert '"5","“broken” is no plain e-mail address' in errors
    with sessions() as session:
        record = session.scalars(select(SubscriberImport)).first()
        assert record is not None
        assert (record.rows, record.created_count, record.suppressed_count) == (5, 2, 1)


def test_a_file_mends_words_but_not_what_people_said_themselves(sessions: Sessions, tmp_path: Path) -> None:
    take_in(sessions, tmp_path, PLAIN)
    with unit_of_work(sessions) as session:
        service.save_preferences(
            session, service.find_subscriber(session, "bo@example.com"), name="Bo", language="sv",
            list_ids={1}, publication_id=None, evidence=service_evidence(), now=CLOCK.now(),
        )  # fmt: skip
    result = take_in(sessions, tmp_path, "email,name\nada@example.com,Countess\nbo@example.com,Robert\n")
    assert (result.updated, result.unchanged) == (1, 1)
    assert {email: row[0] for email, row in people(sessions).items()} == {
        "ada@example.com": "Countess",
        "bo@example.com": "Bo",
    }


def service_evidence() -> Any:
    from newsletter.audience.consent import Evidence

    return Evidence("preferences")


def test_nobody_who_left_is_brought_back(sessions: Sessions, tmp_path: Path) -> None:
    take_in(sessions, tmp_path, PLAIN)
    with unit_of_work(sessions) as session:
        person = service.find_subscriber(session, "ada@example.com")
        service.unsubscribe(session, person.id, source="page", now=CLOCK.now())
    take_in(sessions, tmp_path, PLAIN)
    assert states(sessions) == {"ada@example.com": "unsubscribed", "bo@example.com": "confirmed"}


def test_without_confirmed_they_wait_and_a_later_file_confirms(sessions: Sessions, tmp_path: Path) -> None:
    take_in(sessions, tmp_path, PLAIN, confirmed=False, consent="Wrote their name at the fair.")
    assert set(states(sessions).values()) == {"pending"}
    result = take_in(sessions, tmp_path, PLAIN, consent="Confirmed at the fair.")
    assert result.updated == 2
    assert set(states(sessions).values()) == {"confirmed"}
    with sessions() as session:
        words = session.scalars(select(Consent.wording).order_by(Consent.id)).all()
    assert words == ["Wrote their name at the fair."] * 2 + ["Confirmed at the fair."] * 2


def test_a_state_column_of_another_sender_is_honoured(sessions: Sessions, tmp_path: Path) -> None:
    take_in(
        sessions,
        tmp_path,
        "email,status\na@example.com,Unsubscribed\nb@example.com,active\nc@example.com,gold\n",
    )
    assert states(sessions) == {
        "a@example.com": "unsubscribed",
        "b@example.com": "confirmed",
        "c@example.com": "confirmed",
    }
    assert people(sessions)["c@example.com"][2] == {"state": "gold"}


def test_erased_people_stay_away(sessions: Sessions, tmp_path: Path) -> None:
    take_in(sessions, tmp_path, PLAIN)
    with unit_of_work(sessions) as session:
        service.erase(session, "ada@example.com", secret=SECRET, actor="me", now=CLOCK.now())
    assert take_in(sessions, tmp_path, PLAIN).suppressed == 1
    assert list(people(sessions)) == ["bo@example.com"]


def test_the_secret_is_not_asked_for_when_nobody_was_erased(sessions: Sessions, tmp_path: Path) -> None:
    def missing() -> bytes:
        raise AssertionError("asked for the secret")

    assert take_in(sessions, tmp_path, PLAIN, secret=missing).created == 2


def test_headers_cannot_be_injected(sessions: Sessions, tmp_path: Path) -> None:
    take_in(sessions, tmp_path, 'email,name\nada@example.com,"Ada\r\nBcc: x@example.com"\n')
    assert people(sessions)["ada@example.com"][0] == "Ada Bcc: x@example.com"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"name,city\nAda,London\n", "name one of them 'email'"),
        (b"PK\x03\x04rest", "save it as CSV"),
        (b"email," + b",".join(b"c%d" % n for n in range(300)) + b"\n", "columns"),
        (b"email\n" + b"a" * 1_100_000, "longer than"),
    ],
)
def test_what_is_no_list_is_refused(sessions: Sessions, tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        take_in(sessions, tmp_path, content)


def test_a_missing_file_or_list_is_said_plainly(sessions: Sessions, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        take_in(sessions, tmp_path, PLAIN, list_slug="nope")
    with pytest.raises(InvalidInput, match="Cannot read"):
        import_csv(sessions, tmp_path, list_slug="readers", actor="x", clock=CLOCK, secret=SECRET)


def test_a_huge_cell_is_one_bad_row(sessions: Sessions, tmp_path: Path) -> None:
    content = f'email,name\na@example.com,"{"x" * 200_000}"\nb@example.com,{"y" * 20_000}\nc@example.com,C\n'
    result = take_in(sessions, tmp_path, content)
    assert (result.created, result.invalid) == (1, 2)


def test_export_is_safe_and_comes_back_unchanged(sessions: Sessions, tmp_path: Path) -> None:
    take_in(
        sessions,
        tmp_path,
        'email,name,Note\n+a@example.com,"\'=1+1","=HYPERLINK(""x"")"\nb@example.com,-B,@b\nc@example.com,＝C,"\'d"\n',
    )
    before = people(sessions)
    with sessions() as session:
        exported = "".join(export_subscribers(session, list_slug="readers"))
    for line in exported.splitlines():
        assert not any(cell[:1] in "=+-@＝" for cell in line.strip('"').split('","') if cell)
    with unit_of_work(sessions) as session:
        for person in session.scalars(select(Subscriber)):
            session.delete(person)
    take_in(sessions, tmp_path, exported)
    assert people(sessions) == before


def test_export_as_json_lines(sessions: Sessions, tmp_path: Path) -> None:
    take_in(sessions, tmp_path, PLAIN)
    with sessions() as session:
        lines = [json.loads(line) for line in export_subscribers(session, format="jsonl")]
        with pytest.raises(InvalidInput):
            export_subscribers(session, format="xlsx")
    assert lines[0] == {
        "email": "ada@example.com",
        "name": "Ada Lovelace",
        "language": "en",
        "attributes": {"City": "London"},
        "lists": ["readers"],
    }


@pytest.mark.parametrize(
    "content", ["a@example.com\nb@example.com\nbad\n", "mail;why\na@example.com;x\nb@example.com;\nbad;\n"]
)
def test_suppressions_from_a_file(sessions: Sessions, tmp_path: Path, content: str) -> None:
    path = tmp_path / "left.csv"
    path.write_text(content)
    result = import_suppressions(sessions, path, actor="me", clock=CLOCK)
    assert (result.rows, result.created, result.invalid) == (3, 2, 1)
    assert import_suppressions(sessions, path, actor="me", clock=CLOCK).unchanged == 2
