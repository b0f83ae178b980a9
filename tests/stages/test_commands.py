"""Every command: help with an example, and to bad input one plain sentence, an exit code, nothing changed, no traceback."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from typer._click import Context
from typer.core import TyperGroup as Group
from typer.main import get_command

from newsletter.bootstrap import Container
from newsletter.cli import main, support
from tests.servers import free_port
from tests.stages.conftest import Run

GOOD_ISSUE = ("issue", "create", "--publication", "letter")


@pytest.fixture
def run(typed: Run) -> Run:
    """Run `newsletter …` in an installation with a publication, a list and a draft."""
    sender = "The Letter <letter@example.com>"
    assert typed("publication", "create", "letter", "--name", "Letter", "--from", sender)[0] == 0
    assert typed("list", "create", "readers", "--name", "Readers", "--publication", "letter")[0] == 0
    assert typed(*GOOD_ISSUE)[0] == 0
    return typed


def content(parts: Container) -> str:
    """Return a digest of everything in the database but who did what when."""
    digest = hashlib.sha256()
    with parts.engine.connect() as connection:
        tables = connection.exec_driver_sql(
            "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
        )
        for (table,) in tables.all():
            if table != "audit_log":
                digest.update(repr(connection.exec_driver_sql(f"SELECT * FROM {table}").all()).encode())
    return digest.hexdigest()


BAD = [
    ("nonsense",),
    ("publication", "create", "Bad Slug", "--name", "x", "--from", "a@example.com"),
    ("publication", "create", "second", "--name", "x", "--from", "no address"),
    ("publication", "create", "second", "--name", "x\r\nBcc: y@example.net", "--from", "a@example.com\r\nBcc: y@example.net"),
    ("publication", "create", "letter", "--name", "x", "--from", "a@example.com"),
    ("publication", "create", "second", "--name", "x", "--from", "a@example.com", "--language", "not a language"),
    ("posts", "import", "missing.xml"),
    ("posts", "import", "."),
    ("posts", "import", "http://127.0.0.1:1/feed"),
    ("posts", "import", "file:///etc/passwd"),
    ("issue", "create", "--publication", "nobody"),
    ("issue", "create", "--publication", "letter", "--posts", "1,2,x"),
    ("issue", "create", "--publication", "letter", "--posts", "999999999999999999999999"),
    ("issue", "create", "--publication", "letter", "--since", "yesterday-ish"),
    ("issue", "create", "--publication", "letter", "--display", "huge"),
    ("issue", "show", "letter/99"),
    ("issue", "show", "letter/99999999999999999999"),
    ("issue", "show", "\x00"),
    ("issue", "edit", "letter/1", "--subject", "a\r\nBcc: x@example.net", "--number", "0x1"),
    ("issue", "approve", "letter/1"),
    ("issue", "lint", "letter/2"),
    ("issue", "render", "letter/1"),
    ("issue", "render", "letter/1", "--html", "no/such/folder/x.html"),
    ("issue", "render", "letter/1", "--html", "x.html", "--as", "nobody@example.com"),
    ("issue", "test", "letter/1", "--to", "no address"),
    ("issue", "test", "letter/1", "--to", "ada@example.com"),
    ("issue", "send", "letter/1", "--list", "readers"),
    ("issue", "send", "letter/1", "--list", "nobody"),
    ("issue", "send", "letter/1", "--list", "readers", "--at", "soon"),
    ("campaign", "show", "letter/1"),
    ("campaign", "report", "nonsense"),
    ("campaign", "pause", "1"),
    ("campaign", "resume", "-1"),
    ("campaign", "cancel", "99999999999999999999"),
    ("campaign", "deliveries", "1", "--state", "lost"),
    ("list", "create", "readers", "--name", "Twice"),
    ("list", "create", "Bad Slug", "--name", "x"),
    ("list", "create", "third", "--name", "x", "--optin", "triple"),
    ("list", "create", "third", "--name", "x", "--publication", "nobody"),
    ("list", "show", "nobody"),
    ("subscribers", "import", "missing.csv", "--list", "readers"),
    ("subscribers", "import", ".", "--list", "readers"),
    ("subscribers", "import", "people.csv", "--list", "nobody"),
    ("subscribers", "import", "headless.csv", "--list", "readers"),
    ("subscribers", "import", "binary.csv", "--list", "readers"),
    ("subscribers", "export", "--list", "nobody"),
    ("subscribers", "export", "--format", "xlsx"),
    ("subscribers", "show", "nobody@example.com"),
    ("subscribers", "erase", "no address"),
    ("suppressions", "add", "no address"),
    ("suppressions", "remove", "nobody@example.com"),
    ("suppressions", "import", "missing.csv"),
    ("bounces", "classify", "missing.eml"),
    ("bounces", "ingest", "missing.eml"),
    ("relay", "add", "Bad Name", "smtp://127.0.0.1:2525"),
    ("relay", "add", "post", "http://127.0.0.1"),
    ("relay", "add", "post", "smtp://me:secret@mail.example.com"),
    ("relay", "add", "post", "smtp://127.0.0.1:2525", "--weight", "-1"),
    ("relay", "add", "post", "smtp://127.0.0.1:2525", "--from-domain", "a b"),
    ("relay", "edit", "nobody", "--weight", "3"),
    ("relay", "remove", "\x00"),
    ("relay", "test", "nobody"),
    ("webhooks", "decode", "pigeon", "--headers", "people.csv", "--body", "people.csv"),
    ("webhooks", "decode", "mailgun", "--headers", "people.csv", "--body", "binary.csv"),
    ("webhooks", "decode", "mailgun", "--headers", "missing", "--body", "people.csv"),
    ("webhooks", "decode", "brevo", "--headers", "people.csv", "--body", "people.csv", "--secret", "nothing"),
    ("webhooks", "decode", "brevo", "--headers", "people.csv", "--body", "people.csv", "--url", "http://["),
    ("webhooks", "add", "Bad Name", "mailgun"),
    ("webhooks", "add", "main", "pigeon"),
    ("webhooks", "add", "main", "brevo", "--relay", "nowhere"),
    ("webhooks", "add", "ses", "amazon_ses", "--topic", "https://example.com"),
    ("webhooks", "rotate", "nobody"),
    ("webhooks", "remove", "\x00"),
    ("dkim", "create", "--domain", "no domain"),
    ("dkim", "create", "--algorithm", "dsa"),
    ("dkim", "rotate"),
    ("dkim", "rotate", "--activate"),
    ("dkim", "show"),
    ("user", "create", "no address", "--role", "admin"),
    ("user", "create", "a@example.com", "--role", "emperor"),
    ("worker",),
    ("beat",),
]  # fmt: skip


@pytest.mark.parametrize("arguments", BAD, ids=lambda arguments: " ".join(arguments).replace("\x00", "NUL"))
def test_bad_input_is_a_sentence_and_changes_nothing(
    run: Run, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "people.csv").write_text("email\nada@example.com\n")
    (tmp_path / "headless.csv").write_text("a,b\n1,2\n")
    (tmp_path / "binary.csv").write_bytes(bytes(range(256)) * 40)
    before = content(support.container())
    code, _, errors = run(*arguments)
    assert code not in (0, None)
    assert errors.strip()
    assert "Traceback" not in errors
    assert "sqlalchemy" not in errors.lower()
    assert content(support.container()) == before


def commands() -> list[tuple[str, ...]]:
    """Return every command there is, from the command line itself."""
    root = get_command(main.app)
    assert isinstance(root, Group)
    found: list[tuple[str, ...]] = []
    for name in root.list_commands(Context(root)):
        inner = root.get_command(Context(root), name)
        if isinstance(inner, Group):
            found += [(name, each) for each in inner.list_commands(Context(inner))]
        else:
            found.append((name,))
    return found


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_every_command_helps_with_an_example(command: tuple[str, ...], run: Run) -> None:
    code, output, _ = run(*command, "--help")
    assert code == 0
    assert "Example: newsletter " in output


def test_json_alone_is_on_standard_output(run: Run) -> None:
    for arguments in (("campaign", "list"), ("list", "list"), ("publication", "list"), ("posts", "list"), ("issue", "lint", "letter/1"), ("doctor",)):  # fmt: skip
        json.loads(run(*arguments, "--json")[1])


def test_a_database_that_is_not_there_is_a_sentence(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_DATABASE_URL", f"postgresql://127.0.0.1:{free_port()}/nothing")
    support.container.cache_clear()
    code, _, errors = run("list", "list")
    assert code == 1
    assert "Traceback" not in errors
    assert "database" in errors.lower()


def test_an_unknown_setting_is_a_sentence(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_SMPT_URL", "smtp://relay.example.com")
    support.container.cache_clear()
    code, _, errors = run("list", "list")
    assert (code, "NEWSLETTER_SMPT_URL" in errors) == (1, True)
