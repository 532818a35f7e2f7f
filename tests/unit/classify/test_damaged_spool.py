"""A spooled object is classified only while it is what was kept."""

from pathlib import Path

import pytest

from screening.classify.examine import examine_kept
from screening.domain.eligibility import EligibilityRules
from screening.domain.failures import FailureReason
from screening.ensemble.examination import Failed, Ready
from screening.imaging.phantoms.phantom import write_phantoms
from screening.spool.store import Spool, data_set_sha256


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """Return an empty spool."""
    spool = Spool(tmp_path / "spool")
    spool.prepare()
    return spool


@pytest.fixture
def kept(spool: Spool, tmp_path: Path) -> str:
    """Return the digest of a phantom in the spool."""
    (phantom,) = write_phantoms(tmp_path / "phantoms", 1)
    sha256 = data_set_sha256(phantom)
    spool.keep(phantom, sha256)
    return sha256


def test_a_whole_object_is_ready(spool: Spool, kept: str) -> None:
    """What was kept is examined."""
    assert isinstance(examine_kept(spool, kept, EligibilityRules(), lambda image: image), Ready)


@pytest.mark.parametrize("position", [0, 132, -1])
def test_a_changed_byte_is_a_failure(spool: Spool, kept: str, position: int) -> None:
    """A flipped byte in the head, the meta information or the pixels is no result."""
    path = spool.path_of(kept)
    content = bytearray(path.read_bytes())
    content[position] ^= 0xFF
    path.write_bytes(content)
    found = examine_kept(spool, kept, EligibilityRules(), lambda image: image)
    if position == 0:  # the preamble is nobody's data
        assert isinstance(found, Ready)
    else:
        assert isinstance(found, Failed)
        assert found.reason is FailureReason.SPOOL_FILE_DAMAGED
