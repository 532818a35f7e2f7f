"""Fixtures for every test."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Return the folder of real images, or skip where it is absent."""
    folder = Path(os.environ.get("SCREENING_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real images: {folder} is absent, set SCREENING_DATA")
    return folder
