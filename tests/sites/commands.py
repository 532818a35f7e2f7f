"""Commands of `screening` in this process, with an answer to what they ask."""

import io
import sys
from collections.abc import Callable

import pytest

from screening.cli.main import run

Command = Callable[..., tuple[int, str, str]]
"""Takes arguments and `answer`; returns exit status, output and errors."""


def command_of(
    group: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Return a function that runs `screening GROUP ARGUMENTS` with `answer` on standard input."""

    def call(*arguments: str, answer: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["screening", group, *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
        with pytest.raises(SystemExit) as ended:
            run()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return call
