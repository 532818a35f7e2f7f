"""The data manifest: written, read back, checked."""

import csv
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.training.image_rows import digest, image_row
from training.data.hospitals import Adult
from training.data.manifest import (
    CLASS_OF_LABEL,
    COLUMNS,
    ImageRow,
    Label,
    View,
    manifest_digest,
    read_manifest,
    write_manifest,
)
from training.errors import DataError


def sample(folder: Path) -> list[ImageRow]:
    """Return two rows, one with every optional value, whose files are there."""
    rows = [
        image_row("plain", path=folder / "images" / "plain.png"),
        image_row(
            "rich",
            path=folder / "images" / "a, b.png",
            label=Label.COVID19,
            view=View.AP_SUPINE,
            age_years=64.5,
            offset_days=-2.0,
            published_split="test",
            duplicate_of=digest("pixels plain"),
            licence="CC BY 4.0",
            note='said "so"',
        ),
    ]
    for row in rows:
        row.path.parent.mkdir(exist_ok=True)
        row.path.write_bytes(b"image")
    return rows


def edited(manifest: Path, column: str, value: str) -> Path:
    """Change one cell of the first row."""
    with manifest.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    rows[0][column] = value
    with manifest.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return manifest


@pytest.mark.parametrize("name", ["m.csv", "m.parquet"])
def test_what_is_written_is_read_back(tmp_path: Path, name: str) -> None:
    """Every value survives, empty ones too."""
    rows = sample(tmp_path)
    write_manifest(tmp_path / name, rows)
    assert list(read_manifest(tmp_path / name)) == rows


def test_parquet_has_types(tmp_path: Path) -> None:
    """Numbers are numbers to whoever reads it, and what is not known is null."""
    write_manifest(tmp_path / "m.parquet", sample(tmp_path))
    table = parquet.read_table(tmp_path / "m.parquet")
    assert table.column_names == list(COLUMNS)
    assert table["age_years"].to_pylist() == [None, 64.5]
    assert table["width"].type == pa.int64()


def test_what_is_no_parquet_is_refused(tmp_path: Path) -> None:
    """A CSV under that name, and a table of something else."""
    (tmp_path / "m.parquet").write_text("path,source")
    with pytest.raises(DataError, match="expected a data manifest at "):
        read_manifest(tmp_path / "m.parquet")
    parquet.write_table(pa.table({"path": ["a"]}), tmp_path / "m.parquet")
    with pytest.raises(DataError, match="without the column"):
        read_manifest(tmp_path / "m.parquet")


def test_without_pyarrow_parquet_is_not_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says what to install, and leaves no file."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DataError, match="pip install pyarrow"):
        write_manifest(tmp_path / "m.parquet", sample(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["images"]


def test_a_folder_can_be_moved_with_its_manifest(tmp_path: Path) -> None:
    """Paths below the manifest are relative to it."""
    old = tmp_path / "old"
    old.mkdir()
    rows = sample(old)
    write_manifest(old / "m.csv", rows)
    new = old.rename(tmp_path / "new")
    assert {row.path for row in read_manifest(new / "m.csv")} == {
        new / "images" / row.path.name for row in rows
    }


def test_a_manifest_may_stand_apart_from_its_images(tmp_path: Path) -> None:
    """Paths elsewhere are absolute."""
    rows = sample(tmp_path)
    write_manifest(tmp_path / "elsewhere" / "m.csv", rows)
    assert list(read_manifest(tmp_path / "elsewhere" / "m.csv")) == rows


def test_a_failed_write_leaves_the_old_manifest(tmp_path: Path) -> None:
    """A row that cannot be written does not cost the file that was there."""
    rows = sample(tmp_path)
    manifest = tmp_path / "m.csv"
    write_manifest(manifest, rows)
    broken = replace(rows[0], note="\ud800")
    with pytest.raises(UnicodeEncodeError):
        write_manifest(manifest, [broken])
    assert list(read_manifest(manifest)) == rows
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["m.csv"]


def test_a_manifest_that_cannot_be_written_is_an_error_of_ours(tmp_path: Path) -> None:
    """The error names the file."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match=r"m\.csv"):
        write_manifest(tmp_path / "file" / "m.csv", [])


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("label", "flu", "'flu' is not a valid Label"),
        ("view", "lateral", "'lateral' is not a valid View"),
        ("width", "0", "width 0"),
        ("height", "tall", "'tall'"),
        ("sha256", "abc", "sha256 is no"),
        ("source", "  ", "an empty source"),
        ("split_group", "", "an empty split_group"),
        ("age_years", "old", "'old'"),
        ("path", "images/absent.png", "not there"),
        ("path", "images/a, b.png", "twice"),
        ("patient_id", "site:rich", "the same patient_id"),
        ("pixels_sha256", digest("pixels rich"), "the same pixels_sha256"),
    ],
)
def test_a_wrong_cell_is_refused(tmp_path: Path, column: str, value: str, said: str) -> None:
    """The error names the manifest and what is wrong, before anything is trained."""
    manifest = tmp_path / "m.csv"
    write_manifest(manifest, sample(tmp_path))
    with pytest.raises(DataError) as refused:
        read_manifest(edited(manifest, column, value))
    assert said in str(refused.value)
    assert str(manifest) in str(refused.value)


def test_errors_hold_no_patient_attribute(tmp_path: Path) -> None:
    """A contradiction is told by paths and groups, never by the patient's pseudonym or age."""
    rows = [replace(row, patient_id="site:SECRET", age_years=41.25) for row in sample(tmp_path)]
    write_manifest(tmp_path / "m.csv", rows)
    with pytest.raises(DataError) as refused:
        read_manifest(tmp_path / "m.csv")
    assert "SECRET" not in str(refused.value)
    assert "SECRET" not in repr(rows)
    assert "41.25" not in repr(rows)


@pytest.mark.parametrize("text", ["", "path,label\nx.png,normal\n"])
def test_another_file_is_no_manifest(tmp_path: Path, text: str) -> None:
    """A table without the columns is refused with the way to make one."""
    (tmp_path / "m.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match="train datasets scan"):
        read_manifest(tmp_path / "m.csv")


def test_an_absent_or_empty_manifest_is_refused(tmp_path: Path) -> None:
    """Nothing to train on is said at once."""
    with pytest.raises(DataError, match="cannot read it"):
        read_manifest(tmp_path / "absent.csv")
    write_manifest(tmp_path / "empty.csv", [])
    with pytest.raises(DataError, match="at least one image"):
        read_manifest(tmp_path / "empty.csv")


def test_files_need_not_be_looked_at(tmp_path: Path) -> None:
    """A manifest can be read where its images are not."""
    write_manifest(tmp_path / "m.csv", [image_row("away")])
    assert len(read_manifest(tmp_path / "m.csv", check_files=False)) == 1


def test_the_digest_is_about_content() -> None:
    """Place and order do not change it, label, group, pixels and number of images do."""
    rows = [image_row("one"), image_row("two")]
    same = [replace(rows[1], path=Path("/elsewhere/2.png"), note="said"), rows[0]]
    assert manifest_digest(rows) == manifest_digest(same)
    others = [
        [replace(rows[0], label=Label.COVID19), rows[1]],
        [replace(rows[0], split_group="other"), rows[1]],
        [replace(rows[0], pixels_sha256=digest("other")), rows[1]],
        rows[:1],
        [*rows, rows[0]],
    ]
    assert len({manifest_digest(each) for each in [rows, *others]}) == 1 + len(others)


def test_every_label_has_a_class() -> None:
    """No label can be lost on the way to the ensemble's classes; two are said to have none."""
    assert set(CLASS_OF_LABEL) == set(Label)
    assert {label for label, klass in CLASS_OF_LABEL.items() if klass is None} == {
        Label.TUBERCULOSIS,
        Label.OTHER_ABNORMAL,
    }


def test_hospital_and_adult_are_kept_or_told_by_the_source(tmp_path: Path) -> None:
    """A known source's block is the table's; another's is what is written, else the source."""
    path = tmp_path / "m.csv"
    rows = [
        image_row("nih", source="rsna", hospital="whatever"),
        image_row("own", source="site", hospital="General", adult=Adult.YES),
        image_row("bare", source="elsewhere"),
        image_row("child", source="kermany224"),
    ]
    write_manifest(path, rows)
    read = read_manifest(path, check_files=False)
    assert [row.hospital for row in read] == ["nih", "General", "elsewhere", "guangzhou"]
    assert read[1].adult is Adult.YES
    text = path.read_text().replace(",yes", ",old")
    path.write_text(text)
    with pytest.raises(DataError, match="'old' is not a valid Adult"):
        read_manifest(path, check_files=False)


def test_an_older_manifest_without_hospitals_is_read(tmp_path: Path) -> None:
    """Its hospitals and adults are those of its sources."""
    path = tmp_path / "m.csv"
    write_manifest(path, [image_row("old", source="kermany224")])
    lines = path.read_text().splitlines()
    path.write_text("\n".join(line.rsplit(",", 2)[0] for line in lines) + "\n")
    (row,) = read_manifest(path, check_files=False)
    assert (row.hospital, row.adult) == ("guangzhou", Adult.NO)
