"""Data sets that break PS3.5 are read where one way to read them leads on, else named."""

from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLosslessSV1,
)

from screening.errors import ScreeningError, TruncatedDataSetError, UnreadableDataSetError
from screening.imaging.dicom.completeness import check_complete
from screening.imaging.dicom.data_set import seek_data_set
from screening.imaging.dicom.element import (
    ITEM,
    ITEM_DELIMITER,
    SEQUENCE_DELIMITER,
    UNDEFINED_LENGTH,
)
from screening.imaging.dicom.header import read_header
from screening.imaging.pixels.decode import decode
from screening.renderings.structured_report.source import clean_source, read_source
from tests.unit.imaging.encoded import PIXELS, element, encoded, implicit, inserted, write

PRIVATE = 0x00091001
STUDY_DATE, PATIENT_NAME, PIXEL_DATA = 0x00080020, 0x00100010, 0x7FE00010
CODE_VALUE, CODE_MEANING, VIEW_CODE = 0x00080100, 0x00080104, 0x00540220
TRANSFER_SYNTAX = 0x00020010


def is_read(path: Path) -> None:
    """Assert that the whole object is taken: by the check, header, pixels and report."""
    check_complete(path)
    header = read_header(path)
    assert header.instance.study_instance_uid == "2.25.12"
    assert header.patient.patient_name == "PHANTOM^ANNA"
    assert header.instance.has_pixel_data
    assert np.array_equal(decode(path).array, PIXELS)
    assert str(clean_source(read_source(path)).PatientName) == "PHANTOM^ANNA"


@pytest.mark.parametrize(
    "vr", ["--", "  ", "\0\0", "??", "-\0", "lo", "Un", "12", "\xff\xff", "ZZ"]
)
@pytest.mark.parametrize("value", [b"", b"abcd", b"A" * 300], ids=len)
def test_a_private_element_of_unknown_vr(vr: str, value: bytes, tmp_path: Path) -> None:
    """It has 2 bytes of length, as DCMTK reads it; what follows is where it should be."""
    odd = element(PRIVATE, vr, value)
    is_read(write(tmp_path / "odd.dcm", inserted(encoded(), PATIENT_NAME, odd)))


@pytest.mark.parametrize("vr", ["--", "\0\0", "ZZ", "OX", "lo"])
def test_an_unknown_vr_with_4_bytes_of_length(vr: str, tmp_path: Path) -> None:
    """PS3.5 6.2 announces it for future VRs; others come with it too."""
    odd = element(PRIVATE, "UN", b"abcd" * 9).replace(b"UN", vr.encode(), 1)
    is_read(write(tmp_path / "odd.dcm", inserted(encoded(), PATIENT_NAME, odd)))


def test_an_implicit_element_among_explicit_ones(tmp_path: Path) -> None:
    """Its length is where an implicit one is."""
    odd = implicit(PRIVATE, b"abcd")
    is_read(write(tmp_path / "odd.dcm", inserted(encoded(), PATIENT_NAME, odd)))


@pytest.mark.parametrize("vr", ["--", "  ", "da"])
def test_a_known_element_of_unknown_vr_has_the_dictionarys(vr: str, tmp_path: Path) -> None:
    """A study date is one whatever stands for its VR, and so is Pixel Data."""
    date = element(STUDY_DATE, vr, b"20200301")
    data_set = inserted(encoded(), 0x00080060, date).replace(
        b"\xe0\x7f\x10\0OW", b"\xe0\x7f\x10\0--"
    )
    path = write(tmp_path / "odd.dcm", data_set)
    is_read(path)
    assert read_header(path).patient.study_date == "20200301"


def test_several_odd_elements_in_a_row(tmp_path: Path) -> None:
    """A device that writes its whole private group so."""
    odd = [element(PRIVATE + number, "--", b"ab" * number) for number in range(5)]
    is_read(write(tmp_path / "odd.dcm", inserted(encoded(), PATIENT_NAME, *odd)))


@pytest.mark.parametrize("vr", ["--", "  ", "ui"])
def test_the_first_element_may_be_odd(vr: str, tmp_path: Path) -> None:
    """The data set is explicit all the same."""
    odd = element(0x00080005, vr, b"ISO_IR 100")
    is_read(write(tmp_path / "odd.dcm", odd + encoded()))


def test_an_element_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    """Neither as 2 nor as 4 bytes does its length lead to another element."""
    odd = element(PRIVATE, "--", b"ab", length=7) + b"\x03\x05\x01\x01"
    path = write(tmp_path / "odd.dcm", inserted(encoded(), PATIENT_NAME, odd))
    for read in (check_complete, read_header):
        with pytest.raises(UnreadableDataSetError, match="element 0x00091001"):
            read(path)


@pytest.mark.parametrize("uid", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("group", [0x0000, 0x0002])
@pytest.mark.parametrize("before", [0x00080016, PATIENT_NAME])
def test_foreign_groups_in_a_data_set_are_ignored(
    uid: str, group: int, before: int, tmp_path: Path
) -> None:
    """The file's own transfer syntax counts, not one inside the data set, wherever it stands."""
    other = JPEGLosslessSV1.encode()
    make = implicit if uid == ImplicitVRLittleEndian else (lambda tag, v: element(tag, "UI", v))
    foreign = make(group << 16 | 0x0010, other)
    path = write(tmp_path / "group.dcm", inserted(encoded(uid), before, foreign), uid)
    is_read(path)
    assert read_header(path).instance.transfer_syntax_uid == uid
    with path.open("rb") as file:
        seek_data_set(file)
        assert file.read(4) in (foreign[:4], b"\x08\0\x16\0")


def test_group_2_of_a_big_endian_data_set_is_ignored(tmp_path: Path) -> None:
    """There too."""
    foreign = element(TRANSFER_SYNTAX, "UI", JPEGLosslessSV1.encode(), order=">")
    data_set = foreign + encoded(ExplicitVRBigEndian)
    is_read(write(tmp_path / "group.dcm", data_set, ExplicitVRBigEndian))


def test_meta_information_of_wrong_or_no_group_length(tmp_path: Path) -> None:
    """It ends where its tags stop rising."""
    path = write(tmp_path / "meta.dcm", element(TRANSFER_SYNTAX, "UI", b"1.2.84") + encoded())
    content = path.read_bytes()
    length = content[140:144]
    for wrong in (b"\0\0\0\0", b"\xff\0\0\0", b"\x03\0\0\0"):
        path.write_bytes(content[:140] + wrong + content[144:])
        assert content[140:144] == length
        is_read(path)


def un_sequence(*, explicit: bool, defined_item: bool, nested: bool, order: str = "<") -> bytes:
    """Return a private UN of undefined length with two items."""

    def one(tag: int, value: bytes) -> bytes:
        return element(tag, "SH", value) if explicit else implicit(tag, value)

    inner = one(CODE_VALUE, b"43799004") + one(CODE_MEANING, b"Chest ")
    if nested:
        below = (
            implicit(ITEM, b"", length=UNDEFINED_LENGTH)
            + inner
            + implicit(ITEM_DELIMITER, b"")
            + implicit(SEQUENCE_DELIMITER, b"")
        )
        head = element(0x00082112, "UN", below, length=UNDEFINED_LENGTH)
        inner = inner + (head if explicit else implicit(0x00082112, below, length=UNDEFINED_LENGTH))
    item = (
        implicit(ITEM, inner)
        if defined_item
        else implicit(ITEM, b"", length=UNDEFINED_LENGTH) + inner + implicit(ITEM_DELIMITER, b"")
    )
    items = implicit(ITEM, b"") + item * 2 + implicit(SEQUENCE_DELIMITER, b"")
    head = element(PRIVATE, "UN", b"", order=order, length=UNDEFINED_LENGTH)
    return head + items


@pytest.mark.parametrize("explicit", [True, False])
@pytest.mark.parametrize("defined_item", [True, False])
@pytest.mark.parametrize("nested", [True, False])
def test_a_sequence_of_vr_un(
    explicit: bool,  # noqa: FBT001
    defined_item: bool,  # noqa: FBT001
    nested: bool,  # noqa: FBT001
    tmp_path: Path,
) -> None:
    """Items are implicit, as PS3.5 6.2.2 says, or explicit where explicit VRs stand."""
    odd = un_sequence(explicit=explicit, defined_item=defined_item, nested=nested)
    path = write(tmp_path / "un.dcm", inserted(encoded(), PATIENT_NAME, odd))
    is_read(path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(TruncatedDataSetError):
        check_complete(path)


def test_a_sequence_of_vr_un_is_little_endian_in_a_big_endian_data_set(tmp_path: Path) -> None:
    """PS3.5 6.2.2 note 2."""
    odd = un_sequence(explicit=False, defined_item=False, nested=True, order=">")
    data_set = inserted(encoded(ExplicitVRBigEndian), PATIENT_NAME, odd, order=">")
    is_read(write(tmp_path / "un.dcm", data_set, ExplicitVRBigEndian))


@pytest.mark.parametrize("explicit", [True, False])
@pytest.mark.parametrize("defined", [True, False])
def test_a_code_sequence_of_vr_un_is_read(
    explicit: bool,  # noqa: FBT001
    defined: bool,  # noqa: FBT001
    tmp_path: Path,
) -> None:
    """What the gate asks for is found in it, of known or undefined length."""

    def one(tag: int, value: bytes) -> bytes:
        return element(tag, "SH", value) if explicit else implicit(tag, value)

    item = implicit(ITEM, one(CODE_VALUE, b"399067008 ") + one(CODE_MEANING, b"lateral "))
    if defined:
        sequence = element(VIEW_CODE, "UN", item)
    else:
        sequence = element(VIEW_CODE, "UN", b"", length=UNDEFINED_LENGTH) + item
        sequence += implicit(SEQUENCE_DELIMITER, b"")
    path = write(tmp_path / "un.dcm", inserted(encoded(), PIXEL_DATA, sequence))
    is_read(path)
    assert read_header(path).instance.view_code == ("399067008", "LATERAL")


@pytest.mark.parametrize("padding", [b"\0" * n for n in range(1, 18)] + [b" ", b"\r\n", b"\n\0"])
def test_padding_behind_pixel_data(padding: bytes, tmp_path: Path) -> None:
    """Bytes that begin no element are no sign of a cut."""
    is_read(write(tmp_path / "padded.dcm", encoded() + padding))


@pytest.mark.parametrize("size", [0, 2, 126])
def test_data_set_trailing_padding(size: int, tmp_path: Path) -> None:
    """(FFFC,FFFC) is taken whole and refused cut. Source: PS3.10 section 7.2."""
    padding = element(0xFFFCFFFC, "OB", bytes(size))
    is_read(write(tmp_path / "padded.dcm", encoded() + padding))
    path = write(tmp_path / "cut.dcm", encoded() + padding[:-1])
    if size:
        with pytest.raises(TruncatedDataSetError):
            check_complete(path)


@pytest.mark.parametrize("missing", range(1, 9))
def test_a_cut_within_pixel_data_is_refused_whatever_its_last_bytes(
    missing: int, tmp_path: Path
) -> None:
    """Pixels of zeros that are missing are not padding."""
    data_set = encoded(PixelData=bytes(PIXELS.size))
    with pytest.raises(TruncatedDataSetError):
        check_complete(write(tmp_path / "cut.dcm", data_set[:-missing]))


def test_a_head_that_is_cut_is_not_padding(tmp_path: Path) -> None:
    """The first bytes of another element are a cut, and zeros where no pixels came before."""
    for rest in (b"\xfc\xff", b"\xfc\xff\xfc\xffOB", b"\x01"):
        with pytest.raises(TruncatedDataSetError):
            check_complete(write(tmp_path / "cut.dcm", encoded() + rest))
    data_set = encoded()
    before_pixels = data_set[: data_set.index(b"\xe0\x7f\x10\0")]
    with pytest.raises(ScreeningError):
        check_complete(write(tmp_path / "cut.dcm", before_pixels + b"\0\0"))
