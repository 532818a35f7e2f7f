"""PNG and JPEG radiographs."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from screening.errors import UndecodablePixelsError
from screening.imaging.rendering.picture_file import read_picture
from screening.imaging.rendering.render import render
from tests.unit.imaging.conftest import WriteRadiograph


def save(folder: Path, pixels: np.ndarray, name: str = "picture.png", **options: object) -> Path:
    """Write an array as a picture."""
    path = folder / name
    Image.fromarray(pixels).save(path, **options)
    return path


def test_a_picture_is_what_its_dicom_object_is(
    picture: np.ndarray, write_radiograph: WriteRadiograph, tmp_path: Path
) -> None:
    """A PNG and a DICOM object without a window that hold the same pixels are one picture."""
    from_png = read_picture(save(tmp_path, picture)).pixels
    assert np.array_equal(from_png, render(write_radiograph(picture)).pixels)


def test_sixteen_bits_and_colour(picture: np.ndarray, tmp_path: Path) -> None:
    """16-bit grey and grey saved as RGB give the picture that 8-bit grey gives."""
    plain = read_picture(save(tmp_path, picture)).pixels.astype(int)
    wide = read_picture(save(tmp_path, picture.astype(np.uint16) * 200, "wide.png"))
    colour = read_picture(save(tmp_path, np.stack([picture] * 3, axis=2), "colour.png"))
    assert np.abs(wide.pixels - plain).max() <= 1
    assert np.abs(colour.pixels - plain).max() <= 1
    assert (wide.path.luma, colour.path.luma) == (False, True)


def test_orientation_is_applied(picture: np.ndarray, tmp_path: Path) -> None:
    """A JPEG that EXIF says is on its side is turned upright."""
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(tmp_path, picture, "turned.jpg", exif=exif, quality=95)
    assert read_picture(path).pixels.shape == picture.shape[::-1]


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n", b"GIF89a" + b"\0" * 50])
def test_other_files_are_refused(content: bytes, tmp_path: Path) -> None:
    """What is no PNG or JPEG, or is cut, raises one error."""
    path = tmp_path / "broken.png"
    path.write_bytes(content)
    with pytest.raises(UndecodablePixelsError):
        read_picture(path)


def test_a_cut_picture_is_refused(picture: np.ndarray, tmp_path: Path) -> None:
    """A PNG whose pixels end early is refused, not padded."""
    path = save(tmp_path, picture)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(UndecodablePixelsError):
        read_picture(path)


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    """A small file that declares a gigapixel is refused by its header."""
    path = tmp_path / "bomb.png"
    Image.new("1", (20_000, 20_000)).save(path)
    with pytest.raises(UndecodablePixelsError):
        read_picture(path)
