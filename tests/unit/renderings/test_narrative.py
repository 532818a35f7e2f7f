"""What a report says in words, beside the figures that it holds."""

import dataclasses
from io import BytesIO

import pytest
from pydicom import dcmread

from screening.domain.scores import ClassScores, EnsembleScores
from screening.renderings.structured_report.document import build_report
from screening.renderings.structured_report.profiles import Profile
from tests.reports.samples import content, header


@pytest.mark.parametrize("profile", list(Profile))
def test_words_tell_no_more_than_can_be_known(profile: Profile) -> None:
    """People read "> 99 %" and "< 1 %"; numeric items hold the figures."""
    scores = EnsembleScores(ClassScores(0.9996, 0.0003, 0.0001), content().scores.members)
    said = dataclasses.replace(content(), scores=scores)
    made = dcmread(BytesIO(build_report(header(), said, profile).encoded))
    words = [element.value for element in made.iterall() if element.keyword == "TextValue"]
    wanted = "Ensemble probabilities: COVID-19 > 99 %, Pneumonia < 1 %, Normal < 1 %."
    assert [text for text in words if wanted in text]
    figures = [element.value for element in made.iterall() if element.keyword == "NumericValue"]
    assert profile is Profile.BASIC_TEXT or 99.96 in figures
