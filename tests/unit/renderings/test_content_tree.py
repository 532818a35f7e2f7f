"""The content trees, which are written from tables, beside highdicom's of the same templates."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta, timezone
from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from screening.delivery.content import CalibrationIdentity, ReportContent, in_zone
from screening.domain.scores import ClassScores, MemberScores, combine
from screening.domain.triage import Priority
from screening.imaging.quiet import quiet
from screening.renderings.structured_report.document import build_report
from screening.renderings.structured_report.profiles import Profile
from screening.renderings.structured_report.source import clean_source
from tests.reports.highdicom_trees import basic_text_report, measurement_report
from tests.reports.samples import PREDECESSOR, content, digest, header

TREES: dict[Profile, Callable[[Dataset, ReportContent], Dataset]] = {
    Profile.COMPREHENSIVE: measurement_report,
    Profile.BASIC_TEXT: basic_text_report,
}
ONE_MEMBER = combine([MemberScores("coronet", {}, ClassScores(1 / 3, 2 / 3 - 1e-7, 1e-7))], [1.0])
CALIBRATION = CalibrationIdentity("Zürich 2", digest("c"), ("STAT from 71 %", "HIGH"), 112, "3 %")
SAID = {
    **{f"of priority {one}": content(priority=one) for one in Priority},
    "untrained": content(trained=False),
    "of one member": replace(content(), scores=ONE_MEMBER),
    "calibrated": replace(content(), calibration=CALIBRATION),
    "again": replace(content(predecessors=(PREDECESSOR,)), revision=2),
}


@pytest.mark.parametrize("profile", TREES)
@pytest.mark.parametrize("said", SAID.values(), ids=SAID.keys())
def test_the_tree_is_the_one_that_highdicom_builds(profile: Profile, said: ReportContent) -> None:
    """Item for item and element for element, template identifiers included."""
    written = dcmread(BytesIO(build_report(header(), said, profile).encoded))
    zone = timezone(timedelta(minutes=90))  # the image's
    with quiet():
        expected = TREES[profile](clean_source(header()), in_zone(said, zone))
    assert _plain(written.ContentSequence) == _plain(expected.ContentSequence)
    for element in expected:
        assert element.VR == "SQ" or written[element.tag].value == element.value, element.name
    assert written.ContentTemplateSequence == expected.ContentTemplateSequence
    assert _plain(written.ConceptNameCodeSequence) == _plain(expected.ConceptNameCodeSequence)


def _plain(items: Sequence) -> list[object]:
    """Return all elements of all items as plain values; highdicom's classes compare codes alone."""
    return [
        [(int(one.tag), one.VR, _plain(one.value) if one.VR == "SQ" else one.value) for one in item]
        for item in items
    ]
