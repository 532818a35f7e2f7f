"""Reports judged by the validators and readers of others."""

import os
import subprocess
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID

from screening.delivery.content import ReportContent
from screening.errors import ScreeningError
from screening.imaging.quiet import quiet
from screening.renderings.structured_report.document import build_report
from screening.renderings.structured_report.profiles import Profile
from screening.renderings.structured_report.source import read_source
from screening.storage_scu.objects import identify
from tests.reports.samples import PREDECESSOR, content, header
from tests.services.programs import program

pytestmark = pytest.mark.integration

VARIANTS = {
    "trained": content(),
    "untrained": content(trained=False),
    "successor": content(trained=False, predecessors=(PREDECESSOR,)),
}
XPATH_LIMITS = " ".join(
    f"-Djdk.xml.xpath{limit}Limit=0" for limit in ("TotalOp", "ExprOp", "ExprGrp")
)
"""OpenJDK 17's limits, at which the validator dies with exit status 0 (JAXP0801003)."""
SHORT_RUN = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""Code that runs once: less than half the processor time."""
IDENTIFIERS = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
EVERY = [(profile, variant) for profile in Profile for variant in VARIANTS]


def run(name: str, *arguments: str, java_options: str = "") -> str:
    """Run a validator and return all it says."""
    environment = {**os.environ, "JAVA_TOOL_OPTIONS": java_options}
    result = subprocess.run(
        [program(name), *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        text=True,
        errors="replace",
        timeout=200,
    )
    assert result.returncode == 0, result.stdout
    return result.stdout


def written(folder: Path, source: Dataset, said: ReportContent, profile: Profile) -> str:
    """Write a report and return its path."""
    path = folder / "report.dcm"
    path.write_bytes(build_report(source, said, profile).encoded)
    return str(path)


def complaints(text: str) -> list[str]:
    """Return the lines in which a validator finds fault."""
    return [line for line in text.splitlines() if line.startswith(("Error", "Warning"))]


@pytest.mark.parametrize(("profile", "variant"), EVERY)
def test_dciodvfy_finds_nothing(tmp_path: Path, profile: Profile, variant: str) -> None:
    """No error and no warning of dciodvfy, for a whole header."""
    path = written(tmp_path, header(), VARIANTS[variant], profile)
    assert complaints(run("dciodvfy", path)) == []


@pytest.mark.parametrize("profile", list(Profile))
def test_dciodvfy_finds_no_error_for_a_bare_header(tmp_path: Path, profile: Profile) -> None:
    """An image with nothing but its UIDs still gets a valid report."""
    source = Dataset()
    for keyword in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID"):
        setattr(source, keyword, header()[keyword].value)
    path = written(tmp_path, source, content(), profile)
    assert [line for line in complaints(run("dciodvfy", path)) if "Error" in line] == []


@pytest.mark.parametrize(("profile", "variant"), EVERY)
def test_dcmtk_reads_it(tmp_path: Path, profile: Profile, variant: str) -> None:
    """DCMTK's dsrdump and dsr2html take every relationship and show what counts."""
    path = written(tmp_path, header(), VARIANTS[variant], profile)
    dumped = run("dsrdump", "--verbose", "+Pl", path)
    page = run("dsr2html", path)
    for text in (dumped, page):
        assert "W: " not in text
        assert "E: " not in text
        assert "Research use only" in text
        assert "Suggested reading priority HIGH" in text
        assert "COVID-19 72.0 %" in text
        assert ("UNTRAINED" in text) == (variant != "trained")


@pytest.mark.parametrize("profile", list(Profile))
def test_readers_render_the_plain_words_first(tmp_path: Path, profile: Profile) -> None:
    """Before any probability or parameter, in DCMTK's page and its text."""
    path = written(tmp_path, header(), VARIANTS["trained"], profile)
    for text in (run("dsr2html", path), run("dsrdump", "+Pl", path)):
        order = [
            text.index(words)
            for words in (
                "Suggested reading priority HIGH",
                "What it means: read this image before those of lower priority",
                "Research use only",
                "COVID-19 72.0 %",
            )
        ]
        later = [text.find("Algorithm Parameters"), text.find("COVID-19 probability&quot;")]
        assert order == sorted(order)
        assert all(place < 0 or place > order[-1] for place in later)


def test_long_and_urn_codes_of_the_procedure_are_valid(tmp_path: Path) -> None:
    """Validators take a report with either kind of code."""
    source = header()
    source.ProcedureCodeSequence = [
        coded(LongCodeValue="LOCAL-CODE-OF-22-CHARS", CodingSchemeDesignator="99SITE"),
        coded(URNCodeValue="urn:oid:2.16.840.1.113883.6.96"),
    ]
    path = written(tmp_path, source, content(), Profile.COMPREHENSIVE)
    assert [line for line in complaints(run("dciodvfy", path)) if "Error" in line] == []
    assert "E: " not in run("dsrdump", "--verbose", path)


def coded(**attributes: str) -> Dataset:
    """Return an item of a code sequence."""
    item = Dataset()
    for keyword, value in {**attributes, "CodeMeaning": "Chest"}.items():
        setattr(item, keyword, value)
    return item


@pytest.mark.parametrize("profile", list(Profile))
def test_pixelmed_finds_nothing(tmp_path: Path, profile: Profile) -> None:
    """PixelMed finds the root template and no fault in any row of it."""
    path = written(tmp_path, header(), VARIANTS["successor"], profile)
    said = run("DicomSRValidator", path, java_options=f"{XPATH_LIMITS} {SHORT_RUN}")
    assert complaints(said) == []
    assert "Exception" not in said
    assert "Found Root Template TID_" in said
    assert "IOD validation complete" in said


def test_reports_on_every_sample_are_valid(tmp_path: Path, data_dir: Path) -> None:
    """The report on any public sample that names its study is valid, its own UIDs aside."""
    reported = 0
    for path in sorted((data_dir / "dicom").rglob("*")):
        try:
            identify(path)
            with quiet():
                source = read_source(path)
            report = written(tmp_path, source, content(), Profile.COMPREHENSIVE)
        except (ScreeningError, OSError):
            continue
        reported += 1
        with quiet():
            uids = [UID(str(source.get(keyword) or "1.2")) for keyword in IDENTIFIERS]
        if all(uid.is_valid for uid in uids):
            errors = [line for line in complaints(run("dciodvfy", report)) if "Error" in line]
            assert errors == [], path
    assert reported > 40
