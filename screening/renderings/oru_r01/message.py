"""One ORU^R01: header, patient, order, and an OBX for each thing that is said.

Equal arguments give equal bytes. The header's addresses, MSH-3 to MSH-6, and what depends on the
receiver, MSH-11, MSH-15 and MSH-16, are the sender's to fill in. Observations are R, "not
verified", since no person has looked: a final status would close the order in many systems. What
supersedes an earlier message on the image is C.
Source: HL7 v2.5.1 sections 7.3.1 (ORU), 7.4.1 (OBR), 7.4.2 (OBX), 3.4.2 (PID), 2.15.9 (MSH).
"""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap

from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.core import Message, Segment
from pydicom.dataset import Dataset

from screening.delivery.content import ReportContent, ReportDocument
from screening.delivery.uids import device_uid, report_instance_uid
from screening.domain.scores import CLASS_TITLES, Class
from screening.imaging.quiet import quiet
from screening.renderings.oru_r01.fields import code, instant, names, our_code, text
from screening.renderings.structured_report import codes
from screening.renderings.structured_report.codes import Code
from screening.renderings.structured_report.narrative import (
    calibration_in_words,
    provenance_in_words,
    summary,
)
from screening.renderings.structured_report.source import clean_source

NOT_VERIFIED, CORRECTED = "R", "C"
"""Of OBR-25 and OBX-11. Source: HL7 tables 0123 and 0085."""
STUDY_INSTANCE_UID = Code("110180", "DCM", "Study Instance UID")
_CONTROL_ID_CHARACTERS = 20
_PERCENT_DIGITS = 6
_LONGEST_NAMESPACE = 20
"""Characters of HD.1 (IS)."""
_LONGEST_LINE = 150
"""Characters; the library takes 199 once they are escaped."""


@dataclass(frozen=True, slots=True)
class _Observation:
    """One OBX, as its fields are written."""

    value_type: str
    """Source: HL7 table 0125."""
    identifier: str
    value: str
    sub_id: str = ""
    units: str = ""
    is_computed: bool = False


def build_message(source: Dataset, content: ReportContent, written_as: str) -> ReportDocument:
    """Return the message on one image.

    source: the image's header, which is cleaned here and not changed. written_as: the rendering's
    name, of which the message's UID and control ID are derived.
    Raises MissingIdentifierError where the image has no SOP class, SOP instance or study UID.
    """
    with quiet():
        image = clean_source(source)
        uid = report_instance_uid(
            image.SOPInstanceUID, content.bundle.digest, written_as, content.revision
        )
        message = _message(image, content, uid)
    return ReportDocument(
        sop_instance_uid=uid,
        study_instance_uid=str(image.StudyInstanceUID),
        encoded=f"{message.to_er7()}\r".encode(),
    )


def control_id(uid: str) -> str:
    """Return MSH-10 of a message: the same for the same UID, at most 20 characters."""
    digest = hashlib.sha256(uid.encode()).digest()
    return base64.b32encode(digest).decode()[:_CONTROL_ID_CHARACTERS]


def _message(image: Dataset, content: ReportContent, uid: str) -> Message:
    message = Message("ORU_R01", version="2.5.1", validation_level=VALIDATION_LEVEL.STRICT)
    _fill(
        message.msh,
        {
            "msh_7": instant(content.dated),
            "msh_9": "ORU^R01^ORU_R01",
            "msh_10": control_id(uid),
            "msh_11": "P",
            "msh_18": "UNICODE UTF-8",
        },
    )
    result = message.add_group("ORU_R01_PATIENT_RESULT")
    if image.PatientID:
        _fill_patient(result.add_group("ORU_R01_PATIENT").add_segment("PID"), image)
    order = result.add_group("ORU_R01_ORDER_OBSERVATION")
    _fill_order(order.add_segment("OBR"), image, content)
    for number, one in enumerate(_observations(image, content), 1):
        segment = order.add_group("ORU_R01_OBSERVATION").add_segment("OBX")
        _fill_observation(segment, number, one, content)
    message.validate()
    return message


def _fill(segment: Segment, fields: dict[str, str | Sequence[str]]) -> None:
    """Set fields that have a value; several are repetitions."""
    for name, value in fields.items():
        first, *others = [value] if isinstance(value, str) else value
        if first:
            segment.children.set(name, first)
        for repetition in others:
            segment.add_field(name).value = repetition


def _fill_patient(segment: Segment, image: Dataset) -> None:
    issuer = _authority(text(image.get("IssuerOfPatientID") or ""))
    _fill(
        segment,
        {
            "pid_1": "1",
            "pid_3": f"{text(image.PatientID)}^^^{issuer}^PI",
            "pid_5": names(image.PatientName or ""),
            "pid_7": text(image.PatientBirthDate or ""),
            "pid_8": text(image.PatientSex or ""),
        },
    )


def _fill_order(segment: Segment, image: Dataset, content: ReportContent) -> None:
    accession_number = text(image.AccessionNumber or "")
    _fill(
        segment,
        {
            "obr_1": "1",
            "obr_3": accession_number or text(image.StudyInstanceUID),
            "obr_4": _procedure(image),
            "obr_7": _study_time(image),
            "obr_18": accession_number,
            "obr_22": instant(content.dated),
            "obr_24": "RAD",
            "obr_25": _status(content),
        },
    )


def _fill_observation(
    segment: Segment, number: int, one: _Observation, content: ReportContent
) -> None:
    bundle = content.bundle
    device = f"{text(f'{bundle.name} {bundle.version}')}^^{device_uid(bundle.digest)}^ISO"
    _fill(
        segment,
        {
            "obx_1": str(number),
            "obx_2": one.value_type,
            "obx_3": one.identifier,
            "obx_4": one.sub_id,
            "obx_5": one.value,
            "obx_6": one.units,
            "obx_11": _status(content),
            "obx_17": code(codes.ARTIFICIAL_INTELLIGENCE) if one.is_computed else "",
            "obx_18": device if one.is_computed else "",
            "obx_19": instant(content.classified_at) if one.is_computed else "",
        },
    )


def _observations(image: Dataset, content: ReportContent) -> Iterator[_Observation]:
    priority = content.triage.priority
    yield _Observation(
        "CWE",
        our_code("PRIORITY", "Suggested reading priority", codes.PRIORITY),
        our_code(priority.value, priority.value, codes.PRIORITY_CODES[priority]),
        is_computed=True,
    )
    for klass in Class:
        yield _Observation(
            "NM",
            our_code(
                f"P-{klass.value.upper()}",
                f"Probability of {CLASS_TITLES[klass]}",
                codes.CLASS_CODES[klass],
            ),
            f"{round(100 * content.scores.ensemble.of(klass), _PERCENT_DIGITS):g}",
            units=code(codes.PERCENT),
            is_computed=True,
        )
    sentences = (*summary(content), calibration_in_words(content), provenance_in_words(content))
    lines = (line for words in sentences for line in wrap(words, _LONGEST_LINE))
    for number, line in enumerate(lines, 1):
        yield _Observation("TX", code(codes.COMMENT), text(line), sub_id=str(number))
    yield _Observation("ST", code(STUDY_INSTANCE_UID), text(image.StudyInstanceUID))
    yield _Observation(
        "ST", our_code("IMAGE-UID", "SOP Instance UID of the image"), text(image.SOPInstanceUID)
    )
    for number, report in enumerate(content.companions, 1):
        yield _Observation(
            "ST",
            our_code("SR-UID", "SOP Instance UID of the structured report"),
            report.sop_instance_uid,
            sub_id=str(number),
        )


def _authority(issuer: str) -> str:
    """Return HD as subcomponents: by a name, or by a universal ID of local kind for a long one."""
    return issuer if len(issuer) <= _LONGEST_NAMESPACE else f"&{issuer}&L"


def _status(content: ReportContent) -> str:
    return CORRECTED if content.predecessors else NOT_VERIFIED


def _procedure(image: Dataset) -> str:
    """Return the procedure's code, which a long code or a URN code is not short enough for."""
    for item in image.ProcedureCodeSequence:
        if item.get("CodeValue") and item.get("CodingSchemeDesignator"):
            return code(Code(item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning))
    return code(codes.PLAIN_CHEST_RADIOGRAPH)


def _study_time(image: Dataset) -> str:
    """Return date and time of the study as far as both are there, with the image's offset.

    HL7 has no leap second: it counts as the one before.
    """
    day, time = str(image.StudyDate or ""), str(image.StudyTime or "")
    if not day or len(time) < len("HHMM"):
        return day
    whole, _, fraction = time.partition(".")
    if whole.endswith("60"):
        whole = f"{whole[:-2]}59"
    offset = str(image.get("TimezoneOffsetFromUTC") or "")
    return f"{day}{whole}{f'.{fraction[:4]}' if fraction else ''}{offset}"
