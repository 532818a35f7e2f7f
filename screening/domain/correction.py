"""What tells a correction from a repetition: the attributes that count, as a literal table.

Two objects of one SOP Instance UID with the same picture are the same image. Where they differ in
one of these attributes the later one is a correction, for an operator to decide; where they differ
in others alone (private elements, transfer syntax) it is a repetition.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Concern(StrEnum):
    """What an attribute says something about."""

    PATIENT = "patient"
    STUDY = "study"
    EXAMINATION = "examination"
    """What the gate uses: another value may decide whether the image is scored."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute that counts. keyword: PS3.6; title: as people read it."""

    keyword: str
    title: str
    concern: Concern


ATTRIBUTES: tuple[Attribute, ...] = (
    Attribute("PatientName", "Patient's name", Concern.PATIENT),
    Attribute("PatientID", "Patient ID", Concern.PATIENT),
    Attribute("IssuerOfPatientID", "Issuer of patient ID", Concern.PATIENT),
    Attribute("PatientBirthDate", "Birth date", Concern.PATIENT),
    Attribute("PatientSex", "Sex", Concern.PATIENT),
    Attribute("AccessionNumber", "Accession number", Concern.STUDY),
    Attribute("StudyDate", "Study date", Concern.STUDY),
    Attribute("StudyTime", "Study time", Concern.STUDY),
    Attribute("StudyID", "Study ID", Concern.STUDY),
    Attribute("StudyDescription", "Study description", Concern.STUDY),
    Attribute("ReferringPhysicianName", "Referring physician", Concern.STUDY),
    Attribute("StudyInstanceUID", "Study Instance UID", Concern.STUDY),
    Attribute("SeriesInstanceUID", "Series Instance UID", Concern.STUDY),
    Attribute("SOPClassUID", "SOP class", Concern.EXAMINATION),
    Attribute("Modality", "Modality", Concern.EXAMINATION),
    Attribute("PresentationIntentType", "Presentation intent", Concern.EXAMINATION),
    Attribute("PatientAge", "Age", Concern.EXAMINATION),
    Attribute("BodyPartExamined", "Body part", Concern.EXAMINATION),
    Attribute("AnatomicRegionSequence", "Anatomic region", Concern.EXAMINATION),
    Attribute("ViewPosition", "View position", Concern.EXAMINATION),
    Attribute("ViewCodeSequence", "View", Concern.EXAMINATION),
)
_BY_KEYWORD: Mapping[str, Attribute] = {one.keyword: one for one in ATTRIBUTES}
ASKED_BY_THE_GATE = frozenset(
    {"PatientBirthDate", *(a.keyword for a in ATTRIBUTES if a.concern is Concern.EXAMINATION)}
)
"""If one of these differs, the image is examined again, since the result may differ."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One attribute of two objects, side by side. Values are kept out of `repr`."""

    attribute: Attribute
    before: str
    corrected: str

    def __repr__(self) -> str:
        return f"Compared({self.attribute.keyword}, differs={self.differs})"

    @property
    def differs(self) -> bool:
        """Whether the two say different things."""
        return self.before != self.corrected


def compare(before: Mapping[str, str], corrected: Mapping[str, str]) -> tuple[Compared, ...]:
    """Return every attribute that counts of two objects, in the table's order; absent: ""."""
    return tuple(
        Compared(one, before.get(one.keyword, ""), corrected.get(one.keyword, ""))
        for one in ATTRIBUTES
    )


def differing(before: Mapping[str, str], corrected: Mapping[str, str]) -> tuple[str, ...]:
    """Return the keywords of the attributes that two objects differ in; names, no values."""
    return tuple(one.attribute.keyword for one in compare(before, corrected) if one.differs)


def in_words(keywords: tuple[str, ...] | list[str]) -> str:
    """Return what differs, as people read it."""
    return ", ".join(_BY_KEYWORD[one].title if one in _BY_KEYWORD else one for one in keywords)
