"""Programs and servers that tests need beside Python."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

DEBIAN_PACKAGES = {
    "DicomSRValidator": "pixelmed-apps",
    "dciodvfy": "dicom3tools",
    "dcm2pnm": "dcmtk",
    "dcmqrscp": "dcmtk",
    "dsr2html": "dcmtk",
    "dsrdump": "dcmtk",
    "haproxy": "haproxy",
    "openssl": "openssl",
    "storescp": "dcmtk",
    "storescu": "dcmtk",
}


def leave_python_scripts_out() -> None:
    """Take virtual environments off PATH: pynetdicom's scripts bear the names of DCMTK's."""
    path = os.environ.get("PATH", os.defpath).split(os.pathsep)
    kept = [folder for folder in path if not (Path(folder).parent / "pyvenv.cfg").exists()]
    os.environ["PATH"] = os.pathsep.join(kept)


def program(name: str) -> str:
    """Return the path of a program; where it is absent, skip the test, or fail it in CI."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if found is None:
        skip_or_fail(f"{name} (Debian: {DEBIAN_PACKAGES[name]}) is not installed")
    return found


def skip_or_fail(absent: str) -> NoReturn:
    """Skip a test for a part that is absent; in CI that is a failure."""
    import pytest  # the benchmarks, which use this module too, run without it

    if os.environ.get("CI") == "true":
        pytest.fail(f"{absent}; install it, the tests of a change need it")
    pytest.skip(absent)
