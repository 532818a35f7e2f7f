"""Many findings from labels and notes."""

import pytest

from tests.training.image_rows import image_row
from training.data.findings import (
    ABNORMAL,
    FINDINGS,
    KNOWN_OF_LABEL,
    finding_targets,
    findings_of,
)
from training.data.manifest import Label


def test_every_label_tells_something_that_is_a_finding() -> None:
    """No label is without a line, and no line without a column."""
    assert set(KNOWN_OF_LABEL) == set(Label)
    assert all(set(told) <= set(FINDINGS) for told in KNOWN_OF_LABEL.values())


def test_nih_notes_name_findings_and_deny_the_others() -> None:
    """A text-mined note tells all 14; the label is heard besides."""
    row = image_row(
        "x", label=Label.PNEUMONIA_OTHER, note="NIH text-mined: Edema|Pneumonia; age 57 F"
    )
    known = findings_of(row)
    assert {name for name, there in known.items() if there} == {ABNORMAL, "Edema", "Pneumonia"}
    assert known["Effusion"] is False
    assert "tuberculosis" not in known


@pytest.mark.parametrize("label", [Label.COVID19, Label.OTHER_ABNORMAL])
def test_what_is_unknown_is_masked(label: Label) -> None:
    """An image without a note says nothing of an effusion."""
    ((known, there),) = finding_targets([image_row("x", label=label, note="")])
    assert known[FINDINGS.index("Effusion")] == 0
    assert known[FINDINGS.index("covid19")] == 1
    assert there[FINDINGS.index("covid19")] == float(label is Label.COVID19)


def test_a_positive_pcr_may_have_clear_lungs() -> None:
    """COVID-19 does not say that the lungs are abnormal; a normal says that they are not."""
    assert ABNORMAL not in findings_of(image_row("x", label=Label.COVID19))
    assert findings_of(image_row("x", label=Label.NORMAL))[ABNORMAL] is False
