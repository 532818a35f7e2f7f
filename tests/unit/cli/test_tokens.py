"""`screening tokens`: create, list, revoke."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from screening.cli.person import os_user
from screening.db.clock import utc_now
from screening.settings import Settings
from screening.worklist.access.tokens import PREFIX
from tests.sites.commands import Command, command_of


@pytest.fixture
def command(
    migrated_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Command:
    """Return a function that runs `screening tokens ARGUMENTS` on a site of its own."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"SCREENING_{name.upper()}", raising=False)
    monkeypatch.setenv("SCREENING_DATA_DIR", str(tmp_path))
    (tmp_path / "screening.db").write_bytes(migrated_file.read_bytes())
    return command_of("tokens", monkeypatch, capsys)


def test_a_token_is_created_listed_and_revoked(command: Command) -> None:
    """Printed alone on standard output, this once; the list says what it may and until when."""
    status, printed, told = command("create", "ris", "--role", "reader", "--expires", "90d")
    assert (status, printed.startswith(PREFIX), printed.count("\n")) == (0, True, 1)
    assert "ris may do what a reader does until" in told
    (listed,) = json.loads(command("list", "--json")[1])
    assert (listed["name"], listed["role"], listed["state"]) == ("ris", "reader", "valid")
    assert (listed["created_by"], listed["last_used_at"]) == (os_user(), None)
    assert f"{utc_now() + timedelta(days=90):%Y-%m-%d}" in listed["expires_at"]
    for arguments in (("list",), ("list", "--json")):
        assert printed.strip() not in command(*arguments)[1]
    assert command("revoke", "ris")[:2] == (0, "the token of ris is revoked\n")
    assert "revoked" in command("list")[1]


def test_what_cannot_be_done_is_said(command: Command) -> None:
    """With what was expected; nothing is created."""
    assert command("create", "ris")[0] == 2
    assert command("create", "ris", "--role", "king")[0] == 2
    for expires, words in (
        ("soon", "expected a span such as 7d"),
        ("2020-01-01", "a time to come"),
        ("2020-01-01T08:00", "no zone given"),
    ):
        status, _, errors = command("create", "ris", "--role", "monitor", "--expires", expires)
        assert status in {1, 2}
        assert words in " ".join(errors.replace("│", " ").split())
    assert command("revoke", "ris")[0] == 1
    assert json.loads(command("list", "--json")[1]) == []
