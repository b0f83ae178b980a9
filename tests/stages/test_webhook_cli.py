"""`newsletter webhooks`: recorded requests decoded, accounts looked after."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from newsletter.cli import support
from newsletter.feedback.webhooks.accounts import get_account
from newsletter.feedback.webhooks.request import WebhookRequest
from newsletter.feedback.webhooks.sealed import opened
from tests.stages.conftest import Run
from tests.support.provider_requests import BY_NAME, KEY, OTHER_KEY
from tests.support.sns_messages import TOPIC

RIGHT = ("--secret", f"MAILERSEND_SIGNING_SECRET={KEY}")


@pytest.fixture
def recorded(tmp_path: Path) -> list[str]:
    """A request of MailerSend, recorded in two files; the options that name them."""
    return record(tmp_path, BY_NAME["mailersend"].request("bounced"))


def record(folder: Path, request: WebhookRequest) -> list[str]:
    lines = [f"{name}: {value}" for name, value in request.headers.items()]
    (folder / "headers").write_text("\r\n".join(["POST / HTTP/1.1", *lines]))
    (folder / "body").write_bytes(request.body)
    return ["--headers", str(folder / "headers"), "--body", str(folder / "body")]


def test_a_recorded_request_is_decoded(typed: Run, recorded: list[str]) -> None:
    code, output, errors = typed("webhooks", "decode", "mailersend", *recorded, *RIGHT, "--json")
    assert (code, errors) == (0, "")
    found = json.loads(output)
    assert found["verified"]
    (event,) = found["events"]
    assert (event["kind"], event["word"], event["severity"]) == ("bounce", "bounced", "hard")
    assert typed("webhooks", "decode", "mailersend", *recorded, *RIGHT)[1].startswith(
        "bounced ada@example.com hard dead"
    )


def test_a_forged_request_ends_with_one(typed: Run, recorded: list[str]) -> None:
    wrong = ("--secret", f"MAILERSEND_SIGNING_SECRET={OTHER_KEY}")
    code, output, errors = typed("webhooks", "decode", "mailersend", *recorded, *wrong)
    assert (code, output) == (1, "")
    assert "Refused (401)" in errors
    assert OTHER_KEY not in errors
    assert (
        json.loads(typed("webhooks", "decode", "mailersend", *recorded, *wrong, "--json")[1])["ok"] is False
    )


def test_two_secrets_of_a_name_are_both_valid(typed: Run, recorded: list[str]) -> None:
    other = ("--secret", f"MAILERSEND_SIGNING_SECRET={OTHER_KEY}")
    assert typed("webhooks", "decode", "mailersend", *recorded, *other, *RIGHT)[0] == 0


def test_without_a_secret_it_says_that_nothing_was_verified(typed: Run, recorded: list[str]) -> None:
    code, _, errors = typed("webhooks", "decode", "mailersend", *recorded)
    assert code == 0
    assert "Not verified" in errors


def test_headers_may_be_json_and_old_ones_need_the_window_off(typed: Run, tmp_path: Path) -> None:
    request = BY_NAME["resend"].request("delivered")
    options = record(tmp_path, request)
    (tmp_path / "headers").write_text(json.dumps(dict(request.headers)))
    secret = ("--secret", f"RESEND_SIGNING_SECRET={BY_NAME['resend'].secret('first')}")
    assert typed("webhooks", "decode", "resend", *options, *secret)[0] == 1
    code, output, _ = typed("webhooks", "decode", "resend", *options, *secret, "--no-replay-window")
    assert code == 0
    assert output.startswith("delivered ada@example.com")


def test_an_address_that_is_signed_is_given(typed: Run, tmp_path: Path) -> None:
    url = "https://news.example.com/webhooks/mandrill/path"
    options = record(tmp_path, BY_NAME["mandrill"].request("complained", url=url))
    secret = ("--secret", f"MANDRILL_WEBHOOK_KEY={KEY}")
    assert typed("webhooks", "decode", "mandrill", *options, *secret, "--url", url)[0] == 0
    assert typed("webhooks", "decode", "mandrill", *options, *secret, "--url", url + "x")[0] == 1


def test_an_account_is_added_rotated_and_removed(typed: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "There is none" in typed("webhooks", "accounts")[1]
    entered = json.loads(typed("webhooks", "add", "main", "postmark", "--json")[1])
    assert entered["address"].startswith("http://127.0.0.1:8025/webhooks/postmark/")
    assert entered["password"] in entered["together"]
    assert json.loads(typed("webhooks", "show", "main", "--json")[1]) == entered
    rotated = json.loads(typed("webhooks", "rotate", "main", "--json")[1])
    assert rotated["address"] == entered["address"]
    assert rotated["password"] != entered["password"]
    typed("webhooks", "rotate", "main", "--retire")
    (view,) = json.loads(typed("webhooks", "accounts", "--json")[1])
    assert (view["label"], view["relay"], view["applied"], view["is_ready"]) == (
        "Postmark",
        "default",
        0,
        True,
    )
    assert "Removed" in typed("webhooks", "remove", "main")[1]
    assert typed("webhooks", "show", "main")[0] == 1


def test_a_signing_secret_comes_on_standard_input(typed: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(KEY + "\n"))
    code, output, _ = typed("webhooks", "add", "main", "mailgun", "--secret-stdin")
    assert code == 0
    assert "password" not in output
    parts = support.container()
    with parts.reading_sessions() as session:
        assert opened(parts.sealer, get_account(session, "main")).signing == (KEY,)


def test_topics_of_sns(typed: Run) -> None:
    typed("webhooks", "add", "ses", "amazon_ses")
    assert "not ready" in typed("webhooks", "accounts")[1]
    assert typed("webhooks", "topics", "ses", TOPIC)[0] == 0
    assert "not ready" not in typed("webhooks", "accounts")[1]
