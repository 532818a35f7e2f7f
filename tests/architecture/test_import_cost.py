"""TensorFlow takes seconds and gigabytes: only the classify worker and training pay for it.

The command line leaves the DICOM libraries, too, to the commands that need them.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from screening.cli.main import COMMANDS
from screening.db.migrate import upgrade

HEAVY = ("tensorflow", "keras")
DICOM = ("pydicom", "pynetdicom")
NOT_FOR_HELP = (
    *HEAVY,
    *DICOM,
    *("alembic", "argon2", "celery", "fastapi", "numpy", "PIL", "rich", "sqlalchemy"),
    *("starlette", "structlog", "uvicorn", "screening.settings"),
)
"""What a command may import when it runs, and not to say what it does."""
DESTINATIONS = [
    {"name": "pacs", "host": "pacs", "port": 104, "ae_title": "PACS", "profile": "basic_text"},
    {"name": "files", "kind": "folder", "folder": "reports"},
]
PROBE = "import sys; {statement}; print(*[name for name in {heavy} if name in sys.modules])"


def loaded_after(statement: str, heavy: tuple[str, ...] = HEAVY) -> list[str]:
    """Return which of the heavy packages a fresh interpreter has loaded after a statement."""
    code = PROBE.format(statement=statement, heavy=heavy)
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()[-1].split()


@pytest.mark.parametrize(
    "module",
    [
        "screening.receive.scp",
        "screening.report.station",
        "screening.worklist.web",
        "screening.cli.main",
    ],
)
def test_a_process_without_networks_loads_no_tensorflow(module: str) -> None:
    """What the SCP, the report worker, the page and the command line import stays small."""
    assert loaded_after(f"import {module}") == []


@pytest.mark.parametrize("command", ["", *COMMANDS, "train", "run classify", "bundles activate"])
def test_asking_for_help_loads_nothing_that_only_the_work_needs(command: str) -> None:
    """Import it inside the command's function: help, and a slip of the pen, must cost nothing."""
    run = (
        f"from screening.cli.main import app; app({[*command.split(), '--help']!r}, "
        "standalone_mode=False)"
    )
    assert loaded_after(run, NOT_FOR_HELP) == []


@pytest.mark.parametrize(
    ("command", "unneeded"),
    [
        ("settings --json", ("sqlalchemy.orm", "alembic", "celery", *DICOM, *HEAVY)),
        ("db upgrade", ("celery", "fastapi", *DICOM, *HEAVY)),
        ("ledger --json", ("celery", "fastapi", *DICOM, *HEAVY)),
        ("worklist --json", ("celery", "fastapi", *DICOM, *HEAVY)),
        ("bundles list --json", ("celery", "fastapi", *DICOM, *HEAVY)),
        ("phantom phantoms --count 1", ("sqlalchemy.orm", "celery", "fastapi", *HEAVY)),
    ],
)
def test_a_command_loads_only_what_it_needs(
    command: str,
    unneeded: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each command is a process of its own, started by hand or each minute by a monitor.

    The settings name destinations of each kind, whose files every command then reads.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCREENING_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("SCREENING_DESTINATIONS", json.dumps(DESTINATIONS))
    upgrade(f"sqlite:///{tmp_path / 'screening.db'}")
    run = f"from screening.cli.main import app; app({command.split()!r}, standalone_mode=False)"
    assert loaded_after(f"{run}; print()", unneeded) == []


def test_the_command_line_loads_no_dicom_library_until_a_command_needs_it() -> None:
    """Each command is a process of its own; pydicom alone would be a second of it."""
    assert loaded_after("import screening.cli.main", DICOM) == []
    assert loaded_after("import screening.receive.scp", DICOM) == list(DICOM)


@pytest.mark.tensorflow
def test_the_probe_sees_tensorflow_where_it_is_loaded() -> None:
    """The probe itself can fail: the ensemble does load TensorFlow and Keras."""
    quiet = "from screening.settings import choose_runtime; choose_runtime()"
    assert loaded_after(f"{quiet}; import screening.ensemble.ensemble") == list(HEAVY)
