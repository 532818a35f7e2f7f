"""Synthetic radiographs: valid, varied, repeatable, and pass as chest radiographs."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from screening.domain.eligibility import EligibilityRules, screen_header
from screening.imaging.dicom.completeness import check_complete
from screening.imaging.dicom.header import read_header
from screening.imaging.network_input.image_check import image_refusal
from screening.imaging.phantoms.phantom import PATIENTS, VARIANTS, phantom_image, write_phantoms
from screening.imaging.rendering.render import render
from tests.services.programs import program


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Write one phantom per variant."""
    return write_phantoms(tmp_path_factory.mktemp("phantoms"), len(VARIANTS))


def test_all_are_screened(phantoms: list[Path]) -> None:
    """Every phantom is whole, passes the gate and the image check."""
    for path in phantoms:
        check_complete(path)
        assert screen_header(read_header(path).instance, EligibilityRules()) is None
        assert image_refusal(render(path).pixels) is None


def test_windowed_phantoms_render_as_drawn(phantoms: list[Path]) -> None:
    """However it is encoded, a phantom with a window or LUT shows the picture drawn."""
    for index, (path, variant) in enumerate(zip(phantoms, VARIANTS, strict=True)):
        if variant.voi != "none":
            rendered = render(path).pixels
            drawn = phantom_image(index, *rendered.shape)
            assert np.abs(rendered.astype(int) - drawn).max() <= 1


def test_names_come_back(phantoms: list[Path]) -> None:
    """Each character set's name is read as written; every patient is called a phantom."""
    names = [read_header(path).patient.patient_name for path in phantoms]
    assert names[3] == "PHANTOM^TARO=模型^太郎=もけい^たろう"
    assert set(names) <= {name for _, name in PATIENTS}
    assert all(read_header(path).patient.patient_id.startswith("PHANTOM-") for path in phantoms)


def test_same_seed_same_bytes(phantoms: list[Path], tmp_path: Path) -> None:
    """A seed gives the same bytes each time; another seed other UIDs and pixels."""
    again = write_phantoms(tmp_path / "again", 1)[0]
    other = write_phantoms(tmp_path / "other", 1, seed=1)[0]
    assert again.read_bytes() == phantoms[0].read_bytes()
    assert read_header(other).instance.sop_instance_uid != (
        read_header(again).instance.sop_instance_uid
    )
    assert not np.array_equal(render(other).pixels, render(again).pixels)


def test_studies_group_images(phantoms: list[Path]) -> None:
    """Some studies have two images, with the same patient; instance UIDs are all different."""
    headers = [read_header(path) for path in phantoms]
    studies = [header.instance.study_instance_uid for header in headers]
    assert studies[0] == studies[1] != studies[2]
    assert headers[0].patient == headers[1].patient
    assert len({header.instance.sop_instance_uid for header in headers}) == len(phantoms)


@pytest.mark.integration
def test_they_are_valid_objects(phantoms: list[Path]) -> None:
    """Dciodvfy finds no error in any variant."""
    validator = program("dciodvfy")
    for path in phantoms:
        found = subprocess.run(
            [validator, path], capture_output=True, text=True, check=False, timeout=60
        )
        assert "Error" not in found.stdout + found.stderr


def test_lungs_are_darker_than_the_heart() -> None:
    """The drawing has air where lungs are and none at the heart and the belly."""
    image = phantom_image(3, 200, 200).astype(float)
    lung = image[60:120, 40:60].mean()
    assert lung + 60 < image[120:140, 100:115].mean()
    assert lung + 60 < image[180:, 80:120].mean()
