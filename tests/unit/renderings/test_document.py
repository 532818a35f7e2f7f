"""What a report holds, where no validator looks."""

import dataclasses
import functools
import json
import os
import subprocess
import sys
from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from screening.delivery.content import ReportContent
from screening.delivery.uids import device_uid
from screening.domain.scores import MemberScores
from screening.domain.triage import Priority
from screening.errors import BundleError
from screening.renderings.structured_report.codes import CLASS_CODES, PRIORITY_CODES
from screening.renderings.structured_report.document import build_report
from screening.renderings.structured_report.profiles import SOP_CLASSES, Profile
from tests.reports.samples import PREDECESSOR, bundle, content, header

CODED = [Profile.COMPREHENSIVE, Profile.COMPREHENSIVE3D, Profile.ENHANCED]
EVERY = list(Profile)


def report(source: Dataset, said: ReportContent, profile: Profile) -> Dataset:
    """Build a report and read its bytes back."""
    return dcmread(BytesIO(build_report(source, said, profile).encoded))


def items(data_set: Dataset, code_value: str) -> list[Dataset]:
    """Return every content item of a concept, in order."""
    return [
        item
        for item in walk(data_set)
        if "ConceptNameCodeSequence" in item
        and item.ConceptNameCodeSequence[0].CodeValue == code_value
    ]


def walk(item: Dataset) -> list[Dataset]:
    """Return an item and all below it."""
    return [item] + [below for child in item.get("ContentSequence", []) for below in walk(child)]


def words(data_set: Dataset) -> str:
    """Return all text of a report."""
    return "\n".join(item.TextValue for item in walk(data_set) if "TextValue" in item)


@pytest.mark.parametrize("profile", EVERY)
def test_a_report_belongs_to_its_image(profile: Profile) -> None:
    """Study, patient and accession are the image's; series and instance are our own."""
    made, source = report(header(), content(), profile), header()
    for keyword in (
        "StudyInstanceUID",
        "PatientID",
        "PatientName",
        "PatientBirthDate",
        "PatientSex",
        "AccessionNumber",
        "StudyID",
        "StudyDate",
        "StudyTime",
        "IssuerOfPatientID",
        "ReferringPhysicianName",
    ):
        assert made[keyword].value == source[keyword].value, keyword
    assert made.SeriesInstanceUID != source.SeriesInstanceUID
    assert made.Modality == "SR"
    assert made.SOPClassUID == made.file_meta.MediaStorageSOPClassUID == SOP_CLASSES[profile]
    assert made.SOPInstanceUID == made.file_meta.MediaStorageSOPInstanceUID


@pytest.mark.parametrize("profile", EVERY)
def test_a_report_names_its_image(profile: Profile) -> None:
    """The image is evidence, and every image reference points at it."""
    made = report(header(), content(), profile)
    study = made.CurrentRequestedProcedureEvidenceSequence[0]
    series = study.ReferencedSeriesSequence[0]
    assert study.StudyInstanceUID == "1.2.3.1"
    assert series.SeriesInstanceUID == "1.2.3.1.1"
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == "1.2.3.1.1.1"
    references = [item for item in walk(made) if item.get("ValueType") == "IMAGE"]
    assert references
    for item in references:
        assert item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == "1.2.3.1.1.1"


@pytest.mark.parametrize("profile", CODED)
def test_every_probability_says_who_computed_it(profile: Profile) -> None:
    """Per class: the ensemble's percentage and each member's, with name, version, parameters."""
    made = report(header(), content(), profile)
    groups = items(made, "125007")
    assert [items(group, "121071")[0].ConceptCodeSequence[0].CodeValue for group in groups] == [
        code.value for code in CLASS_CODES.values()
    ]
    numbers = [
        [float(n.MeasuredValueSequence[0].NumericValue) for n in items(group, "122157")]
        for group in groups
    ]
    assert numbers == [[72.0, 80.0, 60.0], [21.0, 15.0, 30.0], [7.0, 5.0, 10.0]]
    for number in items(made, "122157"):
        assert number.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue == "%"
        assert [item.TextValue for item in items(number, "111003")] == ["0.1.0"]
        assert items(number, "111000")[0].ConceptCodeSequence[0].CodeValue == "123110"
        assert len(items(number, "111002")) >= 3
    assert [items(n, "111001")[0].TextValue for n in items(groups[0], "122157")] == [
        "covid-cxr ensemble",
        "covid-cxr member concatenated",
        "covid-cxr member coronet",
    ]
    parameters = " ".join(item.TextValue for item in items(groups[0], "111002"))
    for member in bundle().members:
        assert member.weights_sha256 in parameters
    assert bundle().digest in parameters
    assert "300 x 300 pixels" in parameters


@pytest.mark.parametrize("profile", CODED)
def test_findings_can_be_tracked(profile: Profile) -> None:
    """Each group has its own tracking UID, which another bundle changes."""
    first, second = (
        [item.UID for item in items(report(header(), content(version=v), profile), "112040")]
        for v in ("0.1.0", "0.2.0")
    )
    assert len({*first, *second}) == 6


@pytest.mark.parametrize("profile", EVERY)
def test_language_and_observer_are_said(profile: Profile) -> None:
    """The language is en-US, and the observer is the bundle as a device."""
    made = report(header(), content(), profile)
    assert items(made, "121049")[0].ConceptCodeSequence[0].CodeValue == "en-US"
    assert items(made, "121005")[0].ConceptCodeSequence[0].CodeValue == "121007"
    assert [i.UID for i in items(made, "121012")] == [device_uid(bundle().digest)]


@pytest.mark.parametrize("profile", EVERY)
def test_containers_are_separate(profile: Profile) -> None:
    """No container is CONTINUOUS, which makes viewers run values together."""
    made = report(header(), content(), profile)
    continuity = {i.ContinuityOfContent for i in walk(made) if i.ValueType == "CONTAINER"}
    assert continuity == {"SEPARATE"}


@pytest.mark.parametrize("priority", list(Priority))
def test_the_priority_is_coded(priority: Priority) -> None:
    """Each priority has its own code, and stands in words beside it with its rule."""
    made = report(header(), content(priority=priority), Profile.COMPREHENSIVE)
    code = items(made, "260870009")[0].ConceptCodeSequence[0]
    assert code.CodeValue == PRIORITY_CODES[priority].value
    assert f"Suggested reading priority {priority}" in words(made)
    assert "COVID-19 probability at least 50 %" in words(made)


@pytest.mark.parametrize("profile", EVERY)
def test_a_reader_is_warned_in_plain_words(profile: Profile) -> None:
    """Every profile says research use, that low does not exclude, the scores and the bundle."""
    said = words(report(header(), content(), profile))
    assert "Research use only, not for diagnosis" in said
    assert "low probability does not exclude disease" in said
    assert "COVID-19 72.0 %, Pneumonia 21.0 %, Normal 7.0 %" in said
    assert "Bundle covid-cxr 0.1.0 (trained" in said
    assert "classified 2026-03-01 14:00:15 UTC+01:30" in said
    assert "UNTRAINED" not in said


@pytest.mark.parametrize("profile", EVERY)
def test_an_untrained_bundle_cannot_be_overlooked(profile: Profile) -> None:
    """UNTRAINED stands in the series description, before the scores and with the priority."""
    made = report(header(), content(trained=False), profile)
    assert "UNTRAINED" in made.SeriesDescription
    assert "RESEARCH USE ONLY" in made.SeriesDescription
    assert len(made.SeriesDescription) <= 64
    texts = words(made).splitlines()
    assert any(text.startswith("UNTRAINED bundle") for text in texts)
    assert any(text.startswith("UNTRAINED, ignore: Suggested") for text in texts)


@pytest.mark.parametrize("profile", EVERY)
def test_flags_say_what_kind_of_document_it_is(profile: Profile) -> None:
    """Complete, final, verified by nobody, for research."""
    made = report(header(), content(), profile)
    assert (made.CompletionFlag, made.PreliminaryFlag) == ("COMPLETE", "FINAL")
    assert (made.VerificationFlag, made.ContentQualification) == ("UNVERIFIED", "RESEARCH")
    assert made.SeriesNumber == 9001


@pytest.mark.parametrize("profile", EVERY)
def test_plain_words_come_first(profile: Profile) -> None:
    """Priority, what it means and the caution stand before every number, as readers render."""
    made = report(header(), content(), profile)
    told = [item for item in walk(made)[1:] if item.RelationshipType == "CONTAINS"]
    texts = [item.TextValue for item in told if item.ValueType == "TEXT"]
    assert texts[0].startswith("Suggested reading priority HIGH, because: ")
    assert texts[1].startswith("What it means: read this image before those of lower priority")
    assert texts[2].startswith("Research use only")
    kinds = [item.ValueType for item in told]
    assert kinds[0] == "CONTAINER"
    first_number = kinds.index("NUM") if "NUM" in kinds else len(kinds)
    words_before = [item for item in told[:first_number] if item.ValueType == "TEXT"]
    assert len(words_before) == len(texts)
    assert not {item.ValueType for item in told[: told.index(words_before[2])]} & {"IMAGE", "NUM"}


def test_the_algorithm_is_contributing_equipment() -> None:
    """Both the modality and the bundle contributed; the bundle with version, digest and moment."""
    modality, algorithm = report(
        header(), content(), Profile.ENHANCED
    ).ContributingEquipmentSequence
    assert modality.Manufacturer == "Maker"
    assert modality.PurposeOfReferenceCodeSequence[0].CodeValue == "109101"
    assert algorithm.ManufacturerModelName == "covid-cxr"
    assert algorithm.DeviceSerialNumber == bundle().digest
    assert "bundle 0.1.0" in algorithm.SoftwareVersions
    assert algorithm.ContributionDateTime == "20260301140015.000000+0130"


def test_the_procedure_is_the_sites_own_or_a_chest_radiograph() -> None:
    """The image's procedure code is taken over; without one it is a plain chest X-ray."""
    source = header()
    own = report(source, content(), Profile.COMPREHENSIVE).PerformedProcedureCodeSequence
    assert [code.CodeValue for code in own] == ["36643-5"]
    del source.ProcedureCodeSequence
    default = report(source, content(), Profile.COMPREHENSIVE).PerformedProcedureCodeSequence
    assert [code.CodeValue for code in default] == ["399208008"]


@pytest.mark.parametrize("profile", EVERY)
def test_a_later_report_names_the_earlier(profile: Profile) -> None:
    """Predecessor Documents Sequence holds the earlier report, and the words say so."""
    earlier = build_report(header(), content(version="0.1.0"), profile)
    later = report(header(), content(version="0.2.0", predecessors=(earlier.reference,)), profile)
    study = later.PredecessorDocumentsSequence[0]
    series = study.ReferencedSeriesSequence[0]
    assert study.StudyInstanceUID == earlier.study_instance_uid
    assert series.SeriesInstanceUID == earlier.series_instance_uid
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == earlier.sop_instance_uid
    assert later.SOPInstanceUID != earlier.sop_instance_uid
    assert "Replaces the earlier report" in words(later)


def test_a_first_report_names_no_predecessor() -> None:
    """Without an earlier report there is no sequence of them."""
    assert "PredecessorDocumentsSequence" not in report(header(), content(), Profile.COMPREHENSIVE)
    assert "PredecessorDocumentsSequence" in report(
        header(), content(predecessors=(PREDECESSOR,)), Profile.COMPREHENSIVE
    )


def test_scores_of_a_foreign_member_are_refused() -> None:
    """Scores of a member that the bundle does not list make no report."""
    said = content()
    foreign = tuple(MemberScores("else", {}, m.calibrated) for m in said.scores.members)
    wrong = dataclasses.replace(said, scores=dataclasses.replace(said.scores, members=foreign))
    with pytest.raises(BundleError, match="found else"):
        build_report(header(), wrong, Profile.COMPREHENSIVE)


@functools.cache
def digests(hash_seed: str, zone: str) -> dict[str, str]:
    """Return the SHA-256 of each profile's report, made in a process with this seed and zone."""
    code = (
        "import json, hashlib; from tests.reports.samples import content, header;"
        "from screening.renderings.structured_report.profiles import Profile;"
        "from screening.renderings.structured_report.document import build_report;"
        "print(json.dumps({p.value: hashlib.sha256(build_report(header(), "
        "content(trained=False), p).encoded).hexdigest() for p in Profile}))"
    )
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "TZ": zone},
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, str] = json.loads(ended.stdout)
    return found


@pytest.mark.parametrize("profile", EVERY)
def test_equal_arguments_give_equal_bytes_in_every_process(profile: Profile) -> None:
    """Two processes with different hash seeds make the same bytes, UIDs and dates included."""
    first, second = digests("1", "UTC"), digests("2", "Asia/Tokyo")
    assert first[profile.value] == second[profile.value]


def test_profiles_differ_only_in_class_and_tree() -> None:
    """Each profile is an object of its own: its own instance UID, the same series."""
    made = [build_report(header(), content(), profile) for profile in EVERY]
    assert len({one.sop_instance_uid for one in made}) == len(EVERY)
    assert len({one.series_instance_uid for one in made}) == 1
