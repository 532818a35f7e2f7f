"""Objects that are refused, and what for: by C-STORE and by STOW-RS alike."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from pydicom.uid import DigitalXRayImageStorageForPresentation

from screening.imaging.quiet import quiet
from screening.storage_scu.objects import EncodedObject, identify
from tests.peers.receiving import radiograph

TOO_LONG = "a UID or a patient value is too long, or a UID is none"


def _of_another_class() -> EncodedObject:
    return replace(identify(radiograph()), sop_class_uid=DigitalXRayImageStorageForPresentation)


def _of_another_instance() -> EncodedObject:
    return replace(identify(radiograph()), sop_instance_uid="1.2.3.4")


def _without_study() -> EncodedObject:
    return identify(radiograph(StudyInstanceUID=None))


def _with_long_study() -> EncodedObject:
    with quiet():
        return identify(radiograph(StudyInstanceUID="1.2.3." + "4" * 59))


def _with_long_series() -> EncodedObject:
    with quiet():
        return identify(radiograph(SeriesInstanceUID="1.2.3." + "4" * 59))


def _with_long_instance() -> EncodedObject:
    """Return one too long, whose request says its first 64 characters."""
    with quiet():
        found = identify(radiograph(SOPInstanceUID="1.2.3." + "4" * 59))
    return replace(found, sop_instance_uid=found.sop_instance_uid[:64])


def _with_nul_in_study() -> EncodedObject:
    with quiet():
        return identify(radiograph(StudyInstanceUID="1.2.3\x00.4"))


def _with_long_patient_id() -> EncodedObject:
    with quiet():
        return identify(radiograph(PatientID="9" * 65))


def _cut_short() -> EncodedObject:
    return identify(radiograph()[:-2])


def _plain_text() -> EncodedObject:
    return replace(identify(radiograph()), location=b"no data set at all. " * 99, data_set_offset=0)


def _zeros() -> EncodedObject:
    return replace(identify(radiograph()), location=bytes(1000), data_set_offset=0)


def _too_large() -> EncodedObject:
    return identify(radiograph(side=1100))


AT_FAULT: Sequence[tuple[Callable[[], EncodedObject], int, str]] = [
    (_of_another_class, 0xA900, "SOP class or instance differs from the request"),
    (_of_another_instance, 0xA900, "SOP class or instance differs from the request"),
    (_without_study, 0xA900, "SOP class, instance or study UID is missing"),
    (_with_long_study, 0xA900, TOO_LONG),
    (_with_long_series, 0xA900, TOO_LONG),
    (_with_long_instance, 0xA900, TOO_LONG),
    (_with_nul_in_study, 0xA900, TOO_LONG),
    (_with_long_patient_id, 0xA900, TOO_LONG),
    (_cut_short, 0xC001, "the data set is cut short"),
    (_plain_text, 0xC000, "the data set cannot be read"),
    (_zeros, 0xC000, "the data set cannot be read"),
    (_too_large, 0xC002, "the object is larger than this site accepts"),
]
"""What makes it, status, and Error Comment; the largest object that is accepted has 1 MiB."""
