"""Only what really decodes is offered."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from screening.imaging.pixels import transfer_syntaxes
from screening.imaging.pixels.transfer_syntaxes import decodable_transfer_syntaxes


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Forget what was found out before and after each test."""
    decodable_transfer_syntaxes.cache_clear()
    yield
    decodable_transfer_syntaxes.cache_clear()


def test_the_installed_decoders_do_their_work() -> None:
    """Uncompressed, RLE, JPEG Lossless, JPEG-LS, JPEG 2000 and JPEG Baseline decode here."""
    found = decodable_transfer_syntaxes()
    assert found[0] == "1.2.840.10008.1.2.1"
    assert {
        "1.2.840.10008.1.2",
        RLELossless,
        JPEGLosslessSV1,
        JPEGLSLossless,
        JPEG2000Lossless,
        JPEGBaseline8Bit,
    } <= set(found)


def test_deflated_is_never_offered() -> None:
    """A deflated object can hide gigabytes in kilobytes."""
    assert DeflatedExplicitVRLittleEndian not in decodable_transfer_syntaxes()


def test_a_wrong_decoder_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A syntax whose file is damaged, missing or gives other pixels is not offered."""
    golden = tmp_path / "golden"
    shutil.copytree(transfer_syntaxes.GOLDEN_FOLDER, golden)
    (golden / f"{RLELossless}.dcm").unlink()
    damaged = golden / f"{JPEGLosslessSV1}.dcm"
    damaged.write_bytes(damaged.read_bytes()[:-500])
    other = golden / "1.2.840.10008.1.2.dcm"
    other.write_bytes(other.read_bytes()[:-2] + b"\x01\x02")
    monkeypatch.setattr(transfer_syntaxes, "GOLDEN_FOLDER", golden)
    found = decodable_transfer_syntaxes()
    assert not {RLELossless, JPEGLosslessSV1, "1.2.840.10008.1.2"} & set(found)
    assert JPEGLSLossless in found
