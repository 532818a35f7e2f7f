"""TensorFlow takes seconds and gigabytes: only the classify worker and training pay for it.

The command line leaves the DICOM libraries, too, to the commands that need them.
"""

import subprocess
import sys

import pytest

HEAVY = ("tensorflow", "keras")
DICOM = ("pydicom", "pynetdicom")
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


@pytest.mark.parametrize("command", ["worklist", "run classify"])
def test_asking_for_help_loads_no_tensorflow(command: str) -> None:
    """A command loads TensorFlow when it runs, never to print its help."""
    run = (
        f"from screening.cli.main import app; app({[*command.split(), '--help']!r}, "
        "standalone_mode=False)"
    )
    assert loaded_after(run) == []


def test_the_command_line_loads_no_dicom_library_until_a_command_needs_it() -> None:
    """Each command is a process of its own; pydicom alone would be a second of it."""
    assert loaded_after("import screening.cli.main", DICOM) == []
    assert loaded_after("import screening.receive.scp", DICOM) == list(DICOM)


@pytest.mark.tensorflow
def test_the_probe_sees_tensorflow_where_it_is_loaded() -> None:
    """The probe itself can fail: the ensemble does load TensorFlow and Keras."""
    quiet = "from screening.settings import quiet_tensorflow; quiet_tensorflow()"
    assert loaded_after(f"{quiet}; import screening.classify.ensemble") == list(HEAVY)
