"""`newsletter bounces`: what it prints, and what it stores."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select
from typer.testing import CliRunner

from newsletter.bootstrap import Container
from newsletter.cli import bounces, support
from newsletter.db.session import unit_of_work
from newsletter.feedback.models import FeedbackEntry, ReturnedMail
from newsletter.feedback.storing import LARGEST
from newsletter.schema import metadata
from tests.support.ledger import sent_to
from tests.support.returned_mail import delivery_report, plain_mail

ADA = "ada@example.org"
HARD = delivery_report(ADA, "5.1.1", "smtp; 550 5.1.1 User unknown")


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Container]:
    """An installation in a folder of its own, from which one issue went to Ada."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEWSLETTER_DATA_DIR", str(tmp_path / "var"))
    support.container.cache_clear()
    parts = support.container()
    metadata.create_all(parts.engine)
    with unit_of_work(parts.sessions) as session:
        sent_to(session, ADA)
    yield parts
    parts.dispose()
    support.container.cache_clear()


def write(folder: Path, name: str, raw: bytes) -> str:
    path = folder / name
    path.write_bytes(raw)
    return str(path)


def test_classify_prints_one_json_object_a_file(tmp_path: Path) -> None:
    files = [write(tmp_path, "a.eml", HARD), write(tmp_path, "b.eml", plain_mail(ADA, "Hello", "Hello."))]
    done = CliRunner().invoke(bounces.app, ["classify", *files, "--json"])
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(each["file"], each["kind"]) for each in found] == [(files[0], "hard"), (files[1], "none")]
    assert found[0] == {
        "file": files[0],
        "kind": "hard",
        "recipients": [ADA],
        "status": "5.1.1",
        "reason": "dead",
        "diagnostic": "smtp; 550 5.1.1 User unknown",
    }


def test_classify_reads_standard_input() -> None:
    done = CliRunner().invoke(bounces.app, ["classify", "--json"], input=HARD)
    assert json.loads(done.stdout)["kind"] == "hard"


def test_classify_says_it_in_words() -> None:
    done = CliRunner().invoke(bounces.app, ["classify"], input=HARD)
    assert done.stdout.startswith("-: hard (ada@example.org) 5.1.1 dead")


def test_a_file_that_is_not_there_does_not_stop_the_others(tmp_path: Path) -> None:
    there = write(tmp_path, "a.eml", HARD)
    done = CliRunner().invoke(bounces.app, ["classify", str(tmp_path / "none.eml"), there, "--json"])
    assert done.exit_code == 1
    assert "No such file" in done.stderr
    assert json.loads(done.stdout)["kind"] == "hard"


def test_ingest_applies_what_is_ours_once(installation: Container, tmp_path: Path) -> None:
    token = installation.keyring.message_id.sign(1)
    ours = delivery_report(
        ADA, "5.1.1", "smtp; 550 5.1.1 User unknown", original=f"Message-ID: <{token}@example.com>\n"
    )
    files = [write(tmp_path, "ours.eml", ours), write(tmp_path, "theirs.eml", HARD)]
    first = CliRunner().invoke(bounces.app, ["ingest", *files])
    again = CliRunner().invoke(bounces.app, ["ingest", *files])
    assert (first.stdout, again.stdout) == ("1 applied, 1 unmatched\n", "2 known\n")
    with installation.sessions() as session:
        assert session.scalars(select(FeedbackEntry.word)).all() == ["bounced"]


def piped(folder: Path, raw: bytes, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run `newsletter bounces ingest -` as a mail server does."""
    command = [sys.executable, "-m", "newsletter", "bounces", "ingest", "-"]
    return subprocess.run(
        command,
        input=raw,
        env={"PATH": os.environ["PATH"], "NEWSLETTER_DATA_DIR": str(folder / "var"), **environment},
        cwd=folder,
        capture_output=True,
        timeout=60,
        check=False,
    )


def test_a_pipe_takes_mail_in_for_whom_it_came_to(installation: Container, tmp_path: Path) -> None:
    address = f"b+{installation.keyring.return_path.sign(1)}@bounces.example.com"
    for _ in range(2):
        done = piped(tmp_path, b"From MAILER-DAEMON Thu Jan  1\n" + HARD, ORIGINAL_RECIPIENT=address)
        assert done.returncode == 0, done.stderr
    with installation.sessions() as session:
        mail = session.scalars(select(ReturnedMail)).one()
    assert (mail.raw, mail.envelope_recipient, mail.state) == (HARD, address, "applied")


def test_a_pipe_asks_the_mail_server_to_keep_what_cannot_be_stored(tmp_path: Path) -> None:
    """No database, a wrong setting: never exit 1, which would bounce the bounce and lose it."""
    gone = piped(tmp_path, HARD, NEWSLETTER_DATABASE_URL="postgresql://127.0.0.1:1/none")
    assert gone.returncode == os.EX_TEMPFAIL
    assert b"The mail is left with the mail server" in gone.stderr
    assert piped(tmp_path, HARD).returncode == os.EX_TEMPFAIL  # a database without tables
    assert piped(tmp_path, HARD, NEWSLETTER_NO_SUCH="1").returncode == os.EX_TEMPFAIL


def test_a_pipe_reads_a_huge_mail_to_its_end(installation: Container, tmp_path: Path) -> None:
    assert piped(tmp_path, HARD + b"x" * (25 * 1024 * 1024)).returncode == 0
    with installation.sessions() as session:
        assert session.scalar(select(func.length(ReturnedMail.raw))) == LARGEST


def test_fetch_wants_a_mailbox(installation: Container) -> None:
    done = CliRunner().invoke(bounces.app, ["fetch"])
    assert done.exit_code == 1
    assert "NEWSLETTER_MAILBOX_URL" in done.stderr


def test_fetch_takes_in_and_applies(
    installation: Container, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"b+{installation.keyring.return_path.sign(1)}@bounces.example.com"
    for part in ("new", "cur", "tmp"):
        (tmp_path / "box" / part).mkdir(parents=True)
    (tmp_path / "box" / "new" / "1").write_bytes(f"Delivered-To: {address}\r\n".encode() + HARD)
    (tmp_path / "box" / "new" / "2").write_bytes(plain_mail(ADA, "Hello", "Hello."))
    monkeypatch.setenv("NEWSLETTER_MAILBOX_URL", f"maildir://{tmp_path}/box")
    support.container.cache_clear()
    done = CliRunner().invoke(bounces.app, ["fetch"])
    assert done.stdout == "2 taken in, 0 known: 1 applied, 1 unmatched\n"
    support.container().dispose()


def test_a_rule_is_shown_set_and_dropped(installation: Container) -> None:
    def typed(*words: str) -> str:
        return CliRunner().invoke(bounces.app, ["rule", "p", *words]).stdout

    assert typed().startswith("The rule of all: 5 soft bounces over at least 14 days")
    assert typed("--count", "3", "--over-days", "7").startswith(
        "Its own rule: 3 soft bounces over at least 7"
    )
    assert json.loads(typed("--json")) == {"own": True, "count": 3, "over_days": 7, "forget_days": 180}
    assert typed("--drop").startswith("The rule of all")
