"""The question for known vulnerabilities: what fails, what warns, and that silence is no answer."""

import subprocess
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from deploy import audit

TODAY = date(2026, 6, 1)
FOUND = {"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["2.1"], "description": "bad"}
SAFE = {"name": "safe", "version": "1", "vulns": []}
REPORT = {"dependencies": [SAFE, {"name": "holed", "version": "2", "vulns": [FOUND]}]}
REASON = "needs a file from a stranger, and none is read here"


def accepted(**changes: Any) -> list[audit.Accepted]:
    """Return one acceptance of the vulnerability in REPORT."""
    values = {"id": "PYSEC-1", "package": "holed", "reason": REASON, "until": TODAY}
    return [audit.Accepted(**{**values, **changes})]


def test_a_known_vulnerability_is_a_problem_that_says_what_to_do() -> None:
    """Package, version, advisory, and the version that mends it."""
    (problem,) = audit.judge(REPORT, [], TODAY).problems
    assert problem.startswith("holed 2: PYSEC-1, mended in 2.1; raise its lower bound")


@pytest.mark.parametrize("name", ["PYSEC-1", "CVE-1"])
def test_an_accepted_one_passes_under_each_of_its_names(name: str) -> None:
    """Up to and including its last day."""
    found = audit.judge(REPORT, accepted(id=name), TODAY)
    assert (found.asked, found.not_asked, found.problems) == (2, (), ())


@pytest.mark.parametrize("changes", [{"package": "safe"}, {"id": "PYSEC-2"}])
def test_an_acceptance_of_something_else_does_not_count(changes: Mapping[str, str]) -> None:
    """Another package or another advisory."""
    assert audit.judge(REPORT, accepted(**changes), TODAY).problems


def test_an_acceptance_ends() -> None:
    """Then the vulnerability counts again, and the entry itself is a problem."""
    found = audit.judge(REPORT, accepted(until=date(2026, 5, 31)), TODAY)
    assert len(found.problems) == 2
    assert "look at it again" in found.problems[1]


@pytest.mark.parametrize(
    "text",
    [
        'accepted = [{id = "a", package = "b", until = 2026-01-01}]',
        'accepted = [{id = "a", package = "b", reason = "no", until = 2026-01-01}]',
        f'accepted = [{{id = "a", package = "b", reason = "{REASON}", until = "soon"}}]',
    ],
    ids=["no reason", "short reason", "no end"],
)
def test_an_acceptance_without_reason_or_end_is_refused(tmp_path: Path, text: str) -> None:
    """Nothing is accepted for ever, or for no reason."""
    path = tmp_path / "accepted.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"accepted\.toml"):
        audit.read_accepted(path)


def test_the_projects_own_acceptances_can_be_read() -> None:
    """Each has a reason and an end."""
    audit.read_accepted()


@pytest.mark.parametrize(
    ("stdout", "stderr"),
    [
        ("", "requests.exceptions.ConnectionError: no route"),
        ('{"dependencies": [{"name": "safe", "skip_reason": "not found on PyPI"}]}', ""),
        ("<html>", ""),
    ],
    ids=["no route", "unknown to a mirror", "no report"],
)
def test_silence_is_said_plainly_and_fails_only_where_an_answer_is_demanded(
    stdout: str,
    stderr: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """pip-audit itself calls packages that nobody knows free of vulnerabilities."""
    ended: subprocess.CompletedProcess[str] = subprocess.CompletedProcess([], 0, stdout, stderr)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: ended)
    assert audit.main([]) == 0
    assert "could not ask the advisory service" in capsys.readouterr().out
    assert audit.main(["--must-ask"]) == 1


def test_an_answer_that_takes_too_long_is_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`make check` does not hang."""

    def hang(*_: Any, **__: Any) -> None:
        raise subprocess.TimeoutExpired("pip-audit", 1)

    monkeypatch.setattr(subprocess, "run", hang)
    assert audit.main([]) == 0
    assert "no answer within" in capsys.readouterr().out


def test_one_package_that_nobody_knows_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The others count; a release wants all."""
    partly = {"dependencies": [SAFE, {"name": "own", "skip_reason": "not found"}]}
    monkeypatch.setattr(audit, "ask", lambda: partly)
    assert audit.main([]) == 0
    printed = capsys.readouterr().out
    assert "not checked  own" in printed
    assert "checked      1 locked packages" in printed
    assert audit.main(["--must-ask"]) == 1


def test_the_real_question_gets_an_answer_or_says_why_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With pip-audit on the locked requirements, wherever this runs."""
    audit.main([])
    printed = capsys.readouterr().out
    assert "locked packages" in printed or "WRONG" in printed
