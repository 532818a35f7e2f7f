"""A structured report as lines of text, as its content tree has them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO

from pydicom import dcmread
from pydicom.dataset import Dataset
from sqlalchemy import select

from screening.db.session import Database
from screening.db.tables.instances import Classification, Instance, Report
from screening.imaging.quiet import quiet

DEEPEST = 12
NO_TEXT = "–"  # noqa: RUF001  an en dash, as elsewhere on the pages


@dataclass(frozen=True, slots=True)
class ReportLine:
    """One content item: how deep it lies, from 0; its concept; its value, "" for a container."""

    depth: int
    name: str
    value: str = field(repr=False)


def read_report_text(
    database: Database, study_instance_uid: str, sop_instance_uid: str
) -> list[ReportLine] | None:
    """Return a report of a study, line by line; None where there is none that is a DICOM report.

    Raises DatabaseUnavailableError where the database is away.
    """
    statement = (
        select(Report.content)
        .join(Classification, Classification.id == Report.classification_id)
        .join(Instance, Instance.id == Classification.instance_id)
        .where(
            Report.sop_instance_uid == sop_instance_uid,
            Instance.study_instance_uid == study_instance_uid,
        )
    )
    with database.read() as session:
        content = session.scalar(statement)
    return None if content is None else report_lines(content)


def report_lines(content: bytes) -> list[ReportLine] | None:
    """Return the content items of a DICOM report, None where it is another document.

    Source: PS3.3 C.17.3 (value types), C.18.
    """
    try:
        with quiet():
            return list(_lines(dcmread(BytesIO(content)), 0))
    except Exception:  # noqa: BLE001  another rendering's document, or a damaged row
        return None


def _lines(item: Dataset, depth: int) -> Iterator[ReportLine]:
    read = _VALUES.get(str(item.ValueType), _nothing)
    yield ReportLine(depth, _meaning(item, "ConceptNameCodeSequence"), read(item))
    if depth < DEEPEST:
        for part in item.get("ContentSequence", ()):
            if "ValueType" in part:  # else it refers to another item
                yield from _lines(part, depth + 1)


def _nothing(_item: Dataset) -> str:
    return ""


def _text(keyword: str) -> Callable[[Dataset], str]:
    return lambda item: str(item.get(keyword) or NO_TEXT)


def _meaning(item: Dataset, keyword: str) -> str:
    codes = item.get(keyword)
    return str(codes[0].get("CodeMeaning") or NO_TEXT) if codes else NO_TEXT


def _number(item: Dataset) -> str:
    measured = item.get("MeasuredValueSequence")
    if not measured:
        return NO_TEXT
    unit = _meaning(measured[0], "MeasurementUnitsCodeSequence")
    return f"{measured[0].NumericValue} {'' if unit == 'no units' else unit}".strip()


def _reference(item: Dataset) -> str:
    referenced = item.get("ReferencedSOPSequence")
    return str(referenced[0].ReferencedSOPInstanceUID) if referenced else NO_TEXT


_VALUES: Mapping[str, Callable[[Dataset], str]] = {
    "TEXT": _text("TextValue"),
    "CODE": lambda item: _meaning(item, "ConceptCodeSequence"),
    "NUM": _number,
    "UIDREF": _text("UID"),
    "PNAME": _text("PersonName"),
    "DATE": _text("Date"),
    "TIME": _text("Time"),
    "DATETIME": _text("DateTime"),
    "IMAGE": _reference,
    "COMPOSITE": _reference,
}
