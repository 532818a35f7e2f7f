"""Scans: digests, duplicates, damage, groups."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydicom import dcmread

from screening.imaging.phantoms.phantom import write_phantoms
from tests.training.image_rows import write_picture, write_table
from training.data.manifest import ImageRow, Label, View, manifest_digest
from training.datasets.listing import ListedImage, Reason
from training.datasets.pixels import OpenedImage, open_image
from training.datasets.registry import data_set_at
from training.datasets.scan import Scan, scan
from training.datasets.split_groups import NEAR_DUPLICATE_BITS, near_duplicates, split_groups
from training.errors import DataError


def by_name(found: Scan) -> dict[str, ImageRow]:
    """Return rows by file name."""
    return {row.path.name: row for row in found.rows}


def test_a_row_holds_what_the_file_holds(tmp_path: Path) -> None:
    """Size, digest of the file and digest of the grey values, whatever the format."""
    png = write_picture(tmp_path / "site" / "normal" / "a.png", 1)
    Image.open(png).save(png.with_suffix(".dat"), format="PNG", compress_level=0)
    png.with_suffix(".dat").rename(tmp_path / "site" / "normal" / "b.png")
    rows = by_name(scan([tmp_path / "site"]))
    one, other = rows["a.png"], rows["b.png"]
    assert (one.width, one.height) == (64, 64)
    assert one.sha256 != other.sha256
    assert one.pixels_sha256 == other.pixels_sha256
    assert one.split_group == other.split_group
    assert (one.duplicate_of, other.duplicate_of) == ("", one.pixels_sha256)


def test_damaged_and_missing_files_are_reported(tmp_path: Path) -> None:
    """Nothing disappears: a cut image, a text, and a listed file that is not there."""
    folder = tmp_path / "images"
    good = write_picture(folder / "good.jpg", 1)
    (folder / "cut.jpg").write_bytes(good.read_bytes()[:300])
    (folder / "text.png").write_text("no image")
    write_table(
        tmp_path / "metadata.csv",
        [
            {"patientid": n, "finding": "No Finding", "view": "PA", "filename": name}
            for n, name in enumerate(("good.jpg", "cut.jpg", "text.png", "gone.jpg"))
        ],
    )
    found = scan([tmp_path])
    assert list(by_name(found)) == ["good.jpg"]
    assert {each.path.name: each.reason for each in found.set_aside} == {
        "cut.jpg": Reason.DAMAGED,
        "text.png": Reason.DAMAGED,
        "gone.jpg": Reason.MISSING,
    }
    assert all(each.detail for each in found.set_aside)


def test_duplicates_across_data_sets_share_a_group(tmp_path: Path) -> None:
    """An image of two collections ties their patients together, and is reported once."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    write_table(
        ours / "metadata.csv",
        [
            {"patientid": 7, "finding": "COVID-19", "view": "PA", "filename": name}
            for name in ("a.png", "b.png")
        ],
    )
    for seed, name in enumerate(("a.png", "b.png")):
        write_picture(ours / "images" / name, seed)
    write_picture(theirs / "covid" / "copy.png", 1)
    write_picture(theirs / "covid" / "other.png", 2)
    found = scan([ours, theirs])
    rows = by_name(found)
    assert rows["a.png"].split_group == rows["b.png"].split_group == rows["copy.png"].split_group
    assert rows["other.png"].split_group != rows["a.png"].split_group
    [duplicate] = found.duplicates
    assert (duplicate.path.name, duplicate.same_as.name) == ("copy.png", "b.png")
    assert (duplicate.distance_bits, duplicate.dropped) == (None, False)


def test_duplicates_can_be_dropped_but_still_tie_groups(tmp_path: Path) -> None:
    """The first stays; the dropped one is reported."""
    write_picture(tmp_path / "normal" / "a.png", 1)
    write_picture(tmp_path / "normal" / "b.png", 1)
    found = scan([tmp_path], drop_duplicates=True)
    assert list(by_name(found)) == ["a.png"]
    assert [(each.path.name, each.dropped) for each in found.duplicates] == [("b.png", True)]


def test_one_picture_in_two_classes_is_set_aside(tmp_path: Path) -> None:
    """Neither copy can be believed; kinds of pneumonia are no contradiction."""
    for folder, seed in (("normal", 1), ("covid19", 1), ("viral", 2), ("pneumonia", 2)):
        write_picture(tmp_path / folder / f"{folder}.png", seed)
    found = scan([tmp_path])
    assert set(by_name(found)) == {"viral.png", "pneumonia.png"}
    assert {each.path.name: each.reason for each in found.set_aside} == {
        "normal.png": Reason.LABEL_CONFLICT,
        "covid19.png": Reason.LABEL_CONFLICT,
    }
    assert "covid19.png" in next(e.detail for e in found.set_aside if e.path.name == "normal.png")


def test_a_file_listed_twice_is_one_row(tmp_path: Path) -> None:
    """A folder given twice does not double its images."""
    write_picture(tmp_path / "normal" / "a.png", 1)
    found = scan([tmp_path, tmp_path / ".." / tmp_path.name])
    assert len(found.rows) == 1
    assert [each.reason for each in found.set_aside] == [Reason.DUPLICATE]


def test_near_duplicates_are_grouped_on_request(tmp_path: Path) -> None:
    """The same exposure, smaller and as JPEG, is found by its hash; other images are not."""
    original = write_picture(tmp_path / "normal" / "a.png", 1, side=300)
    image = Image.open(original)
    image.resize((150, 150)).save(tmp_path / "normal" / "b.jpg", quality=60)
    write_picture(tmp_path / "normal" / "c.png", 2, side=300)
    plain = by_name(scan([tmp_path]))
    assert len({row.split_group for row in plain.values()}) == 3
    found = scan([tmp_path], near_duplicate_bits=NEAR_DUPLICATE_BITS)
    rows = by_name(found)
    assert rows["a.png"].split_group == rows["b.jpg"].split_group != rows["c.png"].split_group
    [duplicate] = found.duplicates
    assert duplicate.distance_bits is not None
    assert 0 <= duplicate.distance_bits <= NEAR_DUPLICATE_BITS


def test_the_threshold_separates_real_patients(data_dir: Path) -> None:
    """On real images all pairs within the threshold are of one known group."""
    pack = data_dir / "cxr"
    listed = [i for i in data_set_at(pack).list_images(pack).images if "kermany" not in i.source]
    opened = [image for image in map(open_image, listed[:700]) if isinstance(image, OpenedImage)]
    pairs = near_duplicates(np.array([image.difference_hash for image in opened]))
    assert len(opened) == 700
    assert len(pairs) > 3
    for one, other, _ in pairs:
        assert opened[one].listed.split_group == opened[other].listed.split_group


def test_dicom_headers_add_view_and_age(tmp_path: Path) -> None:
    """DICOM objects are rendered as the stations do; what they would not screen is set aside."""
    folder = tmp_path / "site" / "normal"
    folder.mkdir(parents=True)
    names = ("frontal.dcm", "lateral.dcm", "scan.dcm")
    for name, phantom in zip(names, write_phantoms(tmp_path / "phantoms", 3, 0), strict=True):
        data_set = dcmread(phantom)
        data_set.ViewPosition = "LL" if name == "lateral.dcm" else "AP"
        data_set.PatientAge = "061Y"
        data_set.Modality = "CT" if name == "scan.dcm" else data_set.Modality
        data_set.save_as(folder / name)
    (folder / "text.dcm").write_text("no object")
    found = scan([folder.parent])
    [row] = found.rows
    assert (row.path.name, row.view, row.age_years) == ("frontal.dcm", View.AP, 61.0)
    assert {each.path.name: each.reason for each in found.set_aside} == {
        "lateral.dcm": Reason.NOT_FRONTAL,
        "scan.dcm": Reason.NOT_ELIGIBLE,
        "text.dcm": Reason.DAMAGED,
    }


def test_nothing_usable_is_an_error(tmp_path: Path) -> None:
    """An empty manifest helps nobody: the error names the folder and the first reason."""
    (tmp_path / "normal").mkdir()
    with pytest.raises(DataError, match="none that can be used; check"):
        scan([tmp_path])
    (tmp_path / "normal" / "a.png").write_text("no image")
    with pytest.raises(DataError, match=r"a\.png \(damaged\)"):
        scan([tmp_path])


def test_the_scan_says_how_far_it_is(tmp_path: Path) -> None:
    """Progress counts every image to the last."""
    for seed in range(3):
        write_picture(tmp_path / "normal" / f"{seed}.png", seed)
    told: list[tuple[int, int]] = []
    scan([tmp_path], progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_the_same_images_give_the_same_manifest(tmp_path: Path) -> None:
    """Groups and digest do not depend on the order of folders."""
    for seed, folder in enumerate(("a", "b")):
        write_picture(tmp_path / folder / "normal" / "same.png", 9)
        write_picture(tmp_path / folder / "normal" / "own.png", seed)
    one = scan([tmp_path / "a", tmp_path / "b"], drop_duplicates=True)
    again = scan([tmp_path / "a", tmp_path / "b"], drop_duplicates=True)
    other = scan([tmp_path / "b", tmp_path / "a"])
    assert manifest_digest(one.rows) == manifest_digest(again.rows)
    groups = {(row.source, row.path.name): row.split_group for row in other.rows}
    assert all(groups[row.source, row.path.name] == row.split_group for row in one.rows)


def opened(key: tuple[int, int, int]) -> OpenedImage:
    """Return an image of a patient, a group (0: none) and pixels."""
    patient, group, pixels = key
    listed = ListedImage(
        path=Path("x.png"),
        source="s",
        label=Label.NORMAL,
        view=View.PA,
        patient_id=f"p{patient}" if patient else "",
        split_group=f"g{group}" if group else "",
    )
    return OpenedImage(
        listed, View.PA, None, "", f"{pixels:064d}", 1, 1, np.zeros(4, dtype=np.uint64)
    )


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4), st.integers(0, 8)), max_size=20))
def test_groups_are_the_connected_images(keys: list[tuple[int, int, int]]) -> None:
    """Images that share a patient, group or image share a name, whatever their order."""
    images = [opened(key) for key in keys]
    names = split_groups(images)
    for one, first in enumerate(keys):
        for other, second in enumerate(keys):
            linked = (
                first[2] == second[2]
                or (first[0] and first[0] == second[0])
                or (first[1] and first[1] == second[1])
            )
            assert not linked or names[one] == names[other]
    assert names == split_groups(images[::-1])[::-1]
    if all(patient == group == 0 for patient, group, _ in keys):
        assert len(set(names)) == len({pixels for *_, pixels in keys})
