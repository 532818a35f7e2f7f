"""Each public data set in its own layout, on a small tree."""

from pathlib import Path

import pytest

from tests.training.dataset_layouts import (
    LAYOUTS,
    write_coronahack,
    write_development_pack,
    write_folder_tree,
    write_ieee8023,
    write_kermany,
    write_rsna,
)
from tests.training.image_rows import write_picture, write_table
from training.data.hospitals import KNOWN_SOURCES, Adult
from training.data.manifest import Label, View
from training.datasets import coronahack, ieee8023, kermany, rsna
from training.datasets.listing import Listing, Reason
from training.datasets.registry import DATA_SETS, data_set_at
from training.errors import DataError


def labels(listing: Listing) -> dict[str, Label]:
    """Return the label of every listed file."""
    return {image.path.name: image.label for image in listing.images}


def reasons(listing: Listing) -> dict[str, Reason]:
    """Return why each other file is set aside."""
    return {each.path.name: each.reason for each in listing.set_aside}


@pytest.mark.parametrize("name", [each.name for each in DATA_SETS])
def test_every_layout_is_recognised_as_itself(tmp_path: Path, name: str) -> None:
    """A folder is taken for the data set whose layout it has, and no other."""
    assert data_set_at(LAYOUTS[name](tmp_path)).name == name


def test_an_unknown_layout_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    """The error says what would be understood."""
    write_picture(tmp_path / "cats" / "a.png", 0)
    with pytest.raises(DataError) as refused:
        data_set_at(tmp_path)
    assert all(each.layout in str(refused.value) for each in DATA_SETS)
    with pytest.raises(DataError, match="expected a folder"):
        data_set_at(tmp_path / "absent")


def test_ieee8023_findings_views_and_days(tmp_path: Path) -> None:
    """The finding gives the label; lateral views, CT and other findings are set aside."""
    listing = ieee8023.list_images(write_ieee8023(tmp_path))
    assert labels(listing) == {
        "a.png": Label.COVID19,
        "b.png": Label.COVID19,
        "c.png": Label.BACTERIAL,
        "d.png": Label.VIRAL_OTHER,
        "e.png": Label.FUNGAL,
        "f.png": Label.PNEUMONIA_OTHER,
        "g.png": Label.NORMAL,
        "tb.png": Label.TUBERCULOSIS,
    }
    assert reasons(listing) == {
        "lateral.png": Reason.NOT_FRONTAL,
        "ct.nii.gz": Reason.NOT_A_RADIOGRAPH,
        "stray.jpg": Reason.UNLISTED,
    }
    first, second = listing.images[:2]
    assert (first.patient_id, first.age_years, first.offset_days) == ("ieee8023:1", 61.0, 3.0)
    assert (second.patient_id, second.view) == ("ieee8023:1", View.AP_SUPINE)


@pytest.mark.parametrize(
    ("finding", "label"),
    [
        ("COVID-19, ARDS", Label.COVID19),
        ("SARS", Label.VIRAL_OTHER),
        ("Streptococcus", Label.BACTERIAL),
        ("Pneumonia", Label.PNEUMONIA_OTHER),
        ("Unknown", None),
        ("todo", None),
        ("", None),
    ],
)
def test_ieee8023_findings_of_early_revisions(finding: str, label: Label | None) -> None:
    """Findings without their branch are understood, unknown ones are not guessed."""
    assert ieee8023.label_of(finding) is label


def test_ieee8023_without_modality_and_folder(tmp_path: Path) -> None:
    """The first revisions name CT as a view and keep everything in images/."""
    row = {"Patientid": 1, "finding": "COVID-19", "filename": "a.png", "view": "PA"}
    write_table(tmp_path / "metadata.csv", [row, row | {"filename": "b.png", "view": "CT"}])
    listing = data_set_at(tmp_path).list_images(tmp_path)
    assert [image.path for image in listing.images] == [tmp_path / "images" / "a.png"]
    assert reasons(listing) == {"b.png": Reason.NOT_A_RADIOGRAPH}


def test_rsna_lists_each_image_once(tmp_path: Path) -> None:
    """An image with two boxes is one image; what is neither normal nor opaque is abnormal."""
    listing = rsna.list_images(write_rsna(tmp_path))
    assert labels(listing) == {
        "n.dcm": Label.NORMAL,
        "o.dcm": Label.PNEUMONIA_OTHER,
        "x.dcm": Label.OTHER_ABNORMAL,
    }


def test_rsna_tables_must_agree(tmp_path: Path) -> None:
    """Tables of two stages would give wrong labels without a word."""
    write_rsna(tmp_path)
    write_table(tmp_path / "stage_2_train_labels.csv", [{"patientId": "n", "Target": 1}])
    with pytest.raises(DataError, match="same stage"):
        rsna.list_images(tmp_path)
    (tmp_path / "stage_2_detailed_class_info.csv").unlink()
    with pytest.raises(DataError, match=r"detailed_class_info\.csv"):
        rsna.list_images(tmp_path)


def test_kermany_names_tell_kind_and_person(tmp_path: Path) -> None:
    """Kind and person come from the file's name, the part from its folder."""
    listing = kermany.list_images(write_kermany(tmp_path))
    assert labels(listing) == {
        "IM-0115-0001.jpeg": Label.NORMAL,
        "NORMAL2-IM-0927-0001-0002.jpeg": Label.NORMAL,
        "person12_bacteria_45.jpeg": Label.BACTERIAL,
        "person12_virus_46.jpeg": Label.VIRAL_OTHER,
    }
    assert reasons(listing) == {
        "person3_virus_9.jpeg": Reason.LABEL_CONFLICT,
        "cover.png": Reason.UNLISTED,
    }
    people = {image.path.name: image.patient_id for image in listing.images}
    assert people["IM-0115-0001.jpeg"] == "kermany:IM-0115"
    assert people["NORMAL2-IM-0927-0001-0002.jpeg"] == "kermany:NORMAL2-IM-0927"
    assert people["person12_bacteria_45.jpeg"] == people["person12_virus_46.jpeg"]
    assert {image.published_split for image in listing.images} == {"train", "test"}


def test_coronahack_categories(tmp_path: Path) -> None:
    """Three columns give the label; persons of Kermany keep their name there."""
    listing = coronahack.list_images(write_coronahack(tmp_path))
    assert labels(listing) == {
        "IM-0128-0001.jpeg": Label.NORMAL,
        "person1_virus_6.jpeg": Label.VIRAL_OTHER,
        "person100_bacteria_475.jpeg": Label.BACTERIAL,
        "covid.jpeg": Label.COVID19,
        "gone.jpeg": Label.NORMAL,
    }
    assert reasons(listing) == {"smoker.jpeg": Reason.NO_CLASS, "stray.jpeg": Reason.UNLISTED}
    found = {image.path.name: image for image in listing.images}
    assert found["person1_virus_6.jpeg"].patient_id == kermany.person_of("person1_virus_7.jpeg")
    assert found["person1_virus_6.jpeg"].path.is_file()
    assert found["covid.jpeg"].view is View.UNKNOWN
    assert not found["gone.jpeg"].path.exists()


def test_a_folder_names_the_class(tmp_path: Path) -> None:
    """Spelling does not matter; a folder that is no class is reported, not guessed."""
    root = write_folder_tree(tmp_path / "Our Hospital")
    listing = data_set_at(root).list_images(root)
    assert labels(listing) == {
        "a.png": Label.COVID19,
        "b.png": Label.VIRAL_OTHER,
        "c.JPG": Label.NORMAL,
        "d.png": Label.PNEUMONIA_OTHER,
    }
    assert reasons(listing) == {"e.png": Reason.NO_CLASS}
    assert {image.source for image in listing.images} == {"Our Hospital"}
    assert [i.published_split for i in listing.images if i.path.name == "b.png"] == ["train"]


def test_the_pack_keeps_its_groups_and_drops_conflicts(tmp_path: Path) -> None:
    """A row whose labels are in conflict is set aside; a label of another vocabulary is refused."""
    root = write_development_pack(tmp_path)
    listing = data_set_at(root).list_images(root)
    assert {(image.split_group, image.patient_id) for image in listing.images} == {("g1", "site:1")}
    assert [image.path.name for image in listing.images] == ["a.png", "c.png"]
    assert reasons(listing) == {"b.png": Reason.LABEL_CONFLICT}
    text = (root / "manifest.csv").read_text().replace(",normal,", ",flu,")
    (root / "manifest.csv").write_text(text)
    with pytest.raises(DataError, match="'flu'"):
        data_set_at(root).list_images(root)


def test_the_pack_says_hospital_and_adult(tmp_path: Path) -> None:
    """What the table says of hospital and age is kept; a word of another vocabulary is refused."""
    root = write_development_pack(tmp_path)
    adult, unsaid = data_set_at(root).list_images(root).images
    assert (adult.hospital, adult.adult) == ("General", Adult.YES)
    assert (unsaid.label, unsaid.adult) == (Label.TUBERCULOSIS, None)
    text = (root / "manifest.csv").read_text().replace(",yes,", ",old,")
    (root / "manifest.csv").write_text(text)
    with pytest.raises(DataError, match=r"column adult .* found 'old'"):
        data_set_at(root).list_images(root)


def test_the_second_real_pack_shares_groups_with_the_first(data_dir: Path) -> None:
    """All but 15 rows are listed, from known sources; groups that touch the first pack keep its."""
    if not (data_dir / "cxr2").is_dir():
        pytest.skip("the second pack is not there")
    first, second = (
        data_set_at(data_dir / name).list_images(data_dir / name) for name in ("cxr", "cxr2")
    )
    assert len(second.images) == 5197
    assert {each.reason for each in second.set_aside} == {Reason.LABEL_CONFLICT}
    assert {each.source for each in (*first.images, *second.images)} <= KNOWN_SOURCES.keys()
    shared = {i.split_group for i in first.images} & {i.split_group for i in second.images}
    assert len(shared) == 45
    patients: dict[str, str] = {}
    for image in (*first.images, *second.images):
        assert patients.setdefault(image.patient_id, image.split_group) == image.split_group


def test_the_real_pack_has_the_images_its_passport_promises(data_dir: Path) -> None:
    """Every row of the real table is listed, but the one in conflict, and every file is there."""
    listing = data_set_at(data_dir / "cxr").list_images(data_dir / "cxr")
    assert len(listing.images) == 5921
    assert [each.reason for each in listing.set_aside] == [Reason.LABEL_CONFLICT]
    assert len({image.split_group for image in listing.images}) == 3583
    assert View.UNKNOWN not in {image.view for image in listing.images}
    assert all(image.path.is_file() for image in listing.images)
