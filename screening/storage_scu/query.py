"""Asks a Query SCP whether it has instances, by Study Root C-FIND at IMAGE level.

Source: PS3.4 C.4.1, C.6.2.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.association import Association as PynetdicomAssociation
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind

from screening.storage_scu.association import Context, opened
from screening.storage_scu.destination import DicomDestination

PENDING = (0xFF00, 0xFF01)
SUCCESS = 0x0000
CONTEXTS = tuple(
    Context(str(StudyRootQueryRetrieveInformationModelFind), str(syntax))
    for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
)


@dataclass(frozen=True, slots=True)
class InstanceKey:
    """The unique keys of an instance at each level of the Study Root model."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str


def have_instances(
    destination: DicomDestination, keys: Sequence[InstanceKey]
) -> Iterator[bool | None]:
    """Yield for each instance whether the destination lists it; None where it did not answer.

    Raises NotAssociatedError.
    """
    with opened(destination, CONTEXTS) as association:
        for key in keys:
            yield _has(association, key) if association.is_established else None


def _has(association: PynetdicomAssociation, key: InstanceKey) -> bool | None:
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "IMAGE"
    identifier.StudyInstanceUID = key.study_instance_uid
    identifier.SeriesInstanceUID = key.series_instance_uid
    identifier.SOPInstanceUID = key.sop_instance_uid
    found, status = False, None
    try:
        for response, match in association.send_c_find(
            identifier, StudyRootQueryRetrieveInformationModelFind
        ):
            status = response.get("Status")
            if status in PENDING and match is not None:
                found = found or match.get("SOPInstanceUID") == key.sop_instance_uid
    except RuntimeError:
        return None
    return found if status == SUCCESS else None
