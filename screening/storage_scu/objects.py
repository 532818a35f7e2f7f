"""Encoded objects in files or memory, ready to be sent unchanged."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from screening.errors import MissingIdentifierError, UnreadableDataSetError
from screening.imaging.dicom.data_set import seek_data_set
from screening.imaging.dicom.element import Encoding
from screening.imaging.quiet import quiet

DICOMDIR_GROUP = b"\x04\x00"
SOP_INSTANCE_UID = 0x00080018


class MediaDirectoryError(UnreadableDataSetError):
    """The file is a DICOMDIR: a directory of a medium, not an object to store."""


@dataclass(frozen=True, slots=True)
class EncodedObject:
    """One object in DICOM File Format, in a file or in memory."""

    label: str
    """What people call it."""
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    data_set_offset: int
    """Bytes from the start of the file to the data set, which alone goes over the wire."""
    location: Path | bytes = field(repr=False)


def identify(location: Path | bytes, label: str = "") -> EncodedObject:
    """Read how an object is identified and encoded; of a file only the first elements are read.

    UIDs come from the data set, since file meta information is absent from some real files.
    Raises UnreadableDataSetError where it is no DICOM object or cannot be read,
    MediaDirectoryError where it is a DICOMDIR, MissingIdentifierError where it has no SOP Class
    or SOP Instance UID.
    """
    try:
        with closing(_open(location)) as file, quiet():
            encoding = seek_data_set(file)
            offset = file.tell()
            _refuse_media_directory(file)
            data_set = read_dataset(
                file, encoding.is_implicit_vr, encoding.is_little_endian, stop_when=_after_uids
            )
            return EncodedObject(
                label=label or str(location if isinstance(location, Path) else "object"),
                sop_class_uid=_uid(data_set, "SOPClassUID"),
                sop_instance_uid=_uid(data_set, "SOPInstanceUID"),
                transfer_syntax_uid=_transfer_syntax(encoding),
                data_set_offset=offset,
                location=location,
            )
    except (UnreadableDataSetError, MissingIdentifierError):
        raise
    except OSError as error:
        raise UnreadableDataSetError(
            f"the file cannot be read ({error.strerror or type(error).__name__}); check it"
        ) from None
    except Exception as error:  # noqa: BLE001  whatever a damaged file provokes in the parser
        raise UnreadableDataSetError(
            f"expected a DICOM object, found one that cannot be parsed ({type(error).__name__}); "
            "export it again"
        ) from None


def files_under(paths: Iterable[Path]) -> Iterator[Path]:
    """Return the files among `paths` and, in sorted order, those in its folders at any depth.

    A path that does not exist is returned too; sending it reports that.
    """
    for path in paths:
        if path.is_dir():
            yield from sorted(entry for entry in path.rglob("*") if entry.is_file())
        else:
            yield path


def _open(location: Path | bytes) -> BinaryIO:
    return location.open("rb") if isinstance(location, Path) else BytesIO(location)


def _refuse_media_directory(file: BinaryIO) -> None:
    start = file.tell()
    if file.read(2) == DICOMDIR_GROUP:
        raise MediaDirectoryError("a DICOMDIR lists files and is not sent; its files are")
    file.seek(start)


def _after_uids(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return bool(tag > SOP_INSTANCE_UID)


def _uid(data_set: Dataset, keyword: str) -> str:
    if uid := str(data_set.get(keyword) or "").strip(" \0"):
        return uid
    raise MissingIdentifierError(
        f"expected {keyword} in the data set, found none; an object without it cannot be sent"
    )


def _transfer_syntax(encoding: Encoding) -> str:
    """Return the uncompressed syntax of the elements, whatever the meta information says."""
    if encoding.transfer_syntax_uid in (ImplicitVRLittleEndian, ExplicitVRLittleEndian):
        implicit = encoding.is_implicit_vr
        return str(ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian)
    return encoding.transfer_syntax_uid
