"""Fixtures of the tests that run real processes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from screening.imaging.phantom import write_phantoms


@pytest.fixture(scope="session")
def bundle_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the untrained bundle, made once."""
    folder = tmp_path_factory.mktemp("bundles")
    environment = {**os.environ, "SCREENING_BUNDLE_DIR": str(folder)}
    command = [sys.executable, "-m", "screening", "bundles", "make-untrained"]
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=280)
    return folder


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return eight synthetic chest radiographs."""
    return write_phantoms(tmp_path_factory.mktemp("phantoms"), 8)


@pytest.fixture(scope="session")
def chest_radiograph(phantoms: list[Path]) -> Path:
    """Return a real chest radiograph where there is one, a phantom otherwise."""
    root = Path(__file__).parents[2]
    folder = Path(os.environ.get("SCREENING_DATA", root.parent / "shared" / "data"))
    real = folder / "dicom" / "chest_cr" / "RG1_J2KI"
    return real if real.exists() else phantoms[0]


@pytest.fixture(scope="session", autouse=True)
def dcmtk() -> None:
    """Skip, or fail in CI, where DCMTK is not installed."""
    if shutil.which("storescu") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("DCMTK is not installed; the tests of a change need it")
        pytest.skip("DCMTK is not installed")
