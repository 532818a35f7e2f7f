"""Tiny bundles for tests of what stands around the networks."""

from functools import partial
from pathlib import Path

import pytest

from tests.bundles.checked_bundle import Make, know_tiny, write_bundle


@pytest.fixture
def make_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Return a function that writes a tiny bundle, with an outlier check or without."""
    know_tiny(monkeypatch)
    return partial(write_bundle, tmp_path / "bundle")
