"""Objects found in files and in memory."""

import contextlib
from io import BytesIO
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
)

from screening.errors import MissingIdentifierError, UnreadableDataSetError
from screening.renderings.structured_report.document import build_report
from screening.renderings.structured_report.profiles import Profile
from screening.storage_scu.objects import MediaDirectoryError, files_under, identify
from tests.reports.samples import content, header


def bare(*, implicit: bool) -> bytes:
    """Return a data set without preamble and file meta information."""
    buffer = BytesIO()
    dcmwrite(buffer, header(), implicit_vr=implicit, little_endian=True)
    return buffer.getvalue()


def test_a_report_in_memory_is_identified() -> None:
    """UIDs, transfer syntax and the place of the data set are those of the bytes."""
    report = build_report(header(), content(), Profile.COMPREHENSIVE)
    found = identify(report.encoded)
    assert found.sop_class_uid == report.sop_class_uid
    assert found.sop_instance_uid == report.sop_instance_uid
    assert found.transfer_syntax_uid == ExplicitVRLittleEndian
    assert report.encoded[found.data_set_offset :][:2] == b"\x08\x00"


@pytest.mark.parametrize(
    ("syntax", "implicit"), [(ImplicitVRLittleEndian, True), (ExplicitVRLittleEndian, False)]
)
def test_a_file_without_meta_information_is_guessed(
    tmp_path: Path, syntax: str, *, implicit: bool
) -> None:
    """A bare data set has its syntax guessed and its UIDs read from itself."""
    path = tmp_path / "bare"
    path.write_bytes(bare(implicit=implicit))
    found = identify(path)
    assert (found.transfer_syntax_uid, found.data_set_offset) == (syntax, 0)
    assert found.sop_class_uid == ComputedRadiographyImageStorage
    assert found.label == str(path)


def test_encapsulated_syntax_is_taken_from_the_meta_information(tmp_path: Path) -> None:
    """A compressed file is offered in its own transfer syntax."""
    path = tmp_path / "jpeg"
    data_set = header()
    data_set.file_meta = Dataset()
    data_set.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    data_set.save_as(path, enforce_file_format=True)
    assert identify(path).transfer_syntax_uid == JPEGBaseline8Bit


def test_an_encoding_that_contradicts_the_meta_information_wins() -> None:
    """Implicit VR elements below an Explicit VR claim are sent as what they are."""
    encoded = build_report(header(), content(), Profile.COMPREHENSIVE).encoded
    meta = encoded[: identify(encoded).data_set_offset]
    assert identify(meta + bare(implicit=True)).transfer_syntax_uid == ImplicitVRLittleEndian


@pytest.mark.parametrize("content_of_file", [b"", b"\x89PNG\r\n", b"hello world" * 100, b"\x08"])
def test_other_bytes_are_no_object(tmp_path: Path, content_of_file: bytes) -> None:
    """What is not DICOM is said to be none."""
    path = tmp_path / "other"
    path.write_bytes(content_of_file)
    with pytest.raises((UnreadableDataSetError, MissingIdentifierError)):
        identify(path)


@pytest.mark.parametrize("keyword", ["SOPClassUID", "SOPInstanceUID"])
def test_an_object_without_identity_cannot_be_sent(keyword: str) -> None:
    """The message names what is missing."""
    data_set = header()
    del data_set[keyword]
    buffer = BytesIO()
    dcmwrite(buffer, data_set, implicit_vr=True, little_endian=True)
    with pytest.raises(MissingIdentifierError, match=keyword):
        identify(buffer.getvalue())


def test_a_missing_file_is_unreadable(tmp_path: Path) -> None:
    """A file that is not there is an unreadable object, not a crash."""
    with pytest.raises(UnreadableDataSetError, match="No such file"):
        identify(tmp_path / "none")


def test_a_dicomdir_is_told_apart(data_dir: Path) -> None:
    """A DICOMDIR is recognised by its content."""
    with pytest.raises(MediaDirectoryError):
        identify(data_dir / "dicom" / "wrong_modality" / "DICOMDIR")


def test_folders_are_walked_at_any_depth(tmp_path: Path) -> None:
    """Files below a folder come in sorted order, named files as given, missing ones too."""
    (tmp_path / "b" / "c").mkdir(parents=True)
    for name in ("b/c/2", "b/1", "a"):
        (tmp_path / name).touch()
    missing = tmp_path / "missing"
    found = list(files_under([tmp_path / "b", missing, tmp_path / "a"]))
    assert found == [tmp_path / "b" / "1", tmp_path / "b" / "c" / "2", missing, tmp_path / "a"]


def test_every_sample_is_identified_or_refused_in_words(data_dir: Path) -> None:
    """No file of the samples, malformed ones included, raises anything else."""
    paths = list(files_under([data_dir / "dicom"]))
    assert paths
    for path in paths:
        with contextlib.suppress(UnreadableDataSetError, MissingIdentifierError):
            found = identify(path)
            assert found.sop_class_uid
            assert found.sop_instance_uid
