"""Logs are JSON lines without a patient attribute, whatever an exception says."""

import json
import subprocess
import sys
from typing import Any

import pytest

PATIENT = "DOE^JANE"
PROGRAM = """
import logging, os, threading, warnings
from screening.errors import OutOfSpaceError, SettingsError
from screening.logs import configure_logs, get_logger, library_output_logged
configure_logs("INFO", station="receive")
log = get_logger()
log.debug("not_to_be_seen")
log.info("instance_received", sop_instance_uid="1.2.3")
log.info("instance_refused", sop_instance_uid="DOE^JANE", study_instance_uid=None)
def fails(error):
    patient_name = "DOE^JANE"
    try:
        try:
            raise error
        except ValueError as inner:
            raise RuntimeError("while handling DOE^JANE") from inner
    except Exception:
        log.exception("work_failed")
fails(ValueError("cannot parse DOE^JANE"))
fails(OutOfSpaceError("expected 256 MiB free, found 3 MiB"))
logging.getLogger("pydicom").error("Invalid value for VR PN: 'DOE^JANE'")
logging.getLogger("kombu").info("not_to_be_seen")
try:
    raise ValueError("DOE^JANE")
except ValueError:
    logging.getLogger("kombu").exception("the broker misbehaves")
warnings.warn_explicit("DOE^JANE", UserWarning, "valuerep.py", 1, module="pydicom.valuerep")
warnings.warn_explicit("DOE^JANE", UserWarning, "sop.py", 1, module="highdicom.sr.sop")
warnings.warn_explicit("will go", FutureWarning, "any.py", 1, module="any")
thread = threading.Thread(target=lambda: log.info("said_in_a_thread"))
thread.start(); thread.join()
class Lost:
    def __del__(self):
        raise ValueError("DOE^JANE")
Lost()
with library_output_logged():
    os.write(1, b"one line\\n")
    os.write(2, b"and another\\n\\n")
    log.info("said_beside_it")
"""


def _run() -> tuple[str, list[dict[str, Any]]]:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout == ""
    return run.stderr, [json.loads(line) for line in run.stderr.splitlines()]


def test_logs_are_json_lines_without_a_patient_attribute() -> None:
    """Names in exceptions, their causes, local variables and library messages are left out."""
    written, lines = _run()
    assert PATIENT not in written
    assert "not_to_be_seen" not in written
    assert [line["event"] for line in lines] == [
        "instance_received",
        "instance_refused",
        "work_failed",
        "work_failed",
        "the broker misbehaves",
        "any.py:1: FutureWarning: will go\n",
        "said_in_a_thread",
        "uncaught_error",
        "said_beside_it",
        "library_wrote",
        "library_wrote",
    ]
    assert [line["text"] for line in lines[-2:]] == ["one line", "and another"]
    assert {line["station"] for line in lines} == {"receive"}
    first = lines[0]
    assert (first["station"], first["level"], first["sop_instance_uid"]) == (
        "receive",
        "info",
        "1.2.3",
    )
    assert first["timestamp"].endswith("Z")
    assert lines[1]["sop_instance_uid"] == "(invalid UID)"
    raised = {one["exc_type"]: one["exc_value"] for one in lines[2]["exception"]}
    assert raised == {"RuntimeError": "", "ValueError": ""}
    assert lines[2]["exception"][0]["frames"]
    [own] = lines[3]["exception"]
    assert own["exc_value"] == "expected 256 MiB free, found 3 MiB"


@pytest.mark.parametrize("thread", [False, True], ids=["main", "thread"])
def test_an_error_nobody_caught_is_logged_without_its_text(thread: bool) -> None:  # noqa: FBT001
    """A process that dies of a patient's name does not print it."""
    program = (
        "import threading\n"
        "from screening.logs import configure_logs\n"
        "configure_logs('INFO', station='test')\n"
        "def fail():\n"
        "    raise ValueError('DOE' + '^JANE')\n"
        + ("t = threading.Thread(target=fail); t.start(); t.join()" if thread else "fail()")
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )
    assert "uncaught_error" in ended.stderr
    assert "ValueError" in ended.stderr
    assert "DOE^JANE" not in ended.stderr
