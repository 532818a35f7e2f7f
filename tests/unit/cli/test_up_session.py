"""What `screening up` asks of the settings before it starts anything."""

from pathlib import Path

import pytest

from screening.cli.running.up_session import _require_access_to_own_scp
from screening.errors import StartupError
from screening.settings import Settings


@pytest.mark.parametrize(
    ("setting", "value"),
    [("allowed_addresses", "10.1.2.0/24"), ("scp_trusted_proxies", "127.0.0.0/8")],
)
def test_it_must_reach_its_own_scp(tmp_path: Path, setting: str, value: str) -> None:
    """An address list that leaves it out, or a proxy at its address, is named at once."""
    _require_access_to_own_scp(Settings(data_dir=tmp_path))
    with pytest.raises(StartupError, match=f"SCREENING_{setting.upper()}"):
        _require_access_to_own_scp(Settings(data_dir=tmp_path, **{setting: value}))
