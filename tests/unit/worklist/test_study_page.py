"""What stands beside a study: others of the patient, its report as text, the way to the viewer."""

from pathlib import Path
from typing import Any

import pytest

from screening.db.clock import utc_now
from screening.db.session import Database
from screening.db.tables.instances import Instance
from screening.domain.viewer_link import check_viewer_template, viewer_address
from screening.renderings.structured_report.document import build_report
from screening.renderings.structured_report.profiles import Profile
from screening.settings import Settings
from screening.worklist.studies.report_text import report_lines
from tests.reports.samples import content, header
from tests.rows.stored import add_bundle, add_instance, add_report, add_score
from tests.sites.web_app import Client, make_app

TEMPLATE = "https://pacs.example/view?s={study_instance_uid}&a={accession_number}"


@pytest.fixture
def client(migrated_database: Database, tmp_path: Path) -> Client:
    """Return a browser at a site that has a viewer."""
    settings = Settings(data_dir=tmp_path, web_viewer_url=TEMPLATE)
    return Client(make_app(migrated_database, settings))


def add(database: Database, study: str, *, report: bytes = b"", **columns: Any) -> None:
    """Add a study of one scored image, with a report."""
    with database.write() as session:
        instance = add_instance(session, study, **{"patient_id": "P1", **columns})
        bundle = add_bundle(session, name=f"bundle of {study}", role="retired")
        result = add_score(session, instance, bundle, priority="LOW", covid19=0.1)
        add_report(session, result, content=report, pacs="delivered")


def test_other_studies_of_the_patient_stand_beside_it(
    client: Client, migrated_database: Database
) -> None:
    """The newest first, with pictures while the spool has them; another name is pointed out."""
    add(migrated_database, "1.2.1", study_date="20260301")
    add(migrated_database, "1.2.2", study_date="20240101", sha256="ab" * 32)
    add(migrated_database, "1.2.3", study_date="20250101", sha256="cd" * 32)
    add(migrated_database, "1.2.4", study_date="20230101", patient_name="Other^Name")
    add(migrated_database, "1.2.5", patient_id="P2")
    with migrated_database.write() as session:
        session.query(Instance).filter_by(sha256="cd" * 32).one().removing_since = utc_now()
    page = client.get("/studies/1.2.1").text
    beside = page.split('id="others"')[1].split("</section>")[0]
    places = [beside.index(f"/studies/{uid}") for uid in ("1.2.3", "1.2.2", "1.2.4")]
    assert places == sorted(places)
    assert "1.2.5" not in beside
    assert f"/pictures/{'ab' * 32}/preview.jpg" in beside
    assert "cd" * 32 not in beside
    assert beside.count("another name or date of birth") == 1
    assert "another name or date of birth: Other, Name" in beside
    assert 'id="others"' not in client.get("/studies/1.2.5").text


def test_studies_without_a_patient_id_are_nobodys(
    client: Client, migrated_database: Database
) -> None:
    """An empty ID says nothing about whose they are."""
    for uid in ("1.2.1", "1.2.2"):
        add(migrated_database, uid, patient_id="")
    assert 'id="others"' not in client.get("/studies/1.2.1").text


@pytest.mark.parametrize("profile", list(Profile))
def test_a_report_is_shown_as_text(
    client: Client, migrated_database: Database, profile: Profile
) -> None:
    """Every content item with its value, from the bytes that destinations receive."""
    encoded = build_report(header(), content(), profile).encoded
    add(migrated_database, "1.2.1", report=encoded)
    page = client.get("/studies/1.2.1").text
    address = page.split('href="/studies/1.2.1/reports/')[1].split('"', maxsplit=1)[0]
    text = client.get(f"/studies/1.2.1/reports/{address}").text
    lines = report_lines(encoded)
    assert lines is not None
    assert len(lines) > 5
    assert any("COVID-19" in line.name + line.value for line in lines)
    assert text.count("<dt>") == len(lines)
    assert client.get(f"/studies/1.2.2/reports/{address}").status_code == 404


@pytest.mark.parametrize("damaged", [b"", b"{}", b"\0" * 200])
def test_another_document_is_no_text(
    client: Client, migrated_database: Database, damaged: bytes
) -> None:
    """Of a report that is no DICOM report the page says that it cannot be shown."""
    assert report_lines(damaged) is None
    add(migrated_database, "1.2.1", report=damaged)
    page = client.get("/studies/1.2.1").text
    address = page.split('href="/studies/1.2.1/reports/')[1].split('"', maxsplit=1)[0]
    assert client.get(f"/studies/1.2.1/reports/{address}").status_code == 404
    for uid in ("SMITH", "1.2.3"):
        assert client.get(f"/studies/1.2.1/reports/{uid}").status_code == 404


def test_the_viewer_is_one_link_away(client: Client, migrated_database: Database) -> None:
    """Values are encoded, so that none changes the address; without a template there is no link."""
    add(migrated_database, "1.2.1", accession_number='A&b="<x>/../')
    page = client.get("/studies/1.2.1").text
    expected = "https://pacs.example/view?s=1.2.1&amp;a=A%26b%3D%22%3Cx%3E%2F..%2F"
    assert f'href="{expected}" target="_blank" rel="noopener noreferrer"' in page
    assert viewer_address("", study_instance_uid="1.2", accession_number="A") == ""


@pytest.mark.parametrize(
    "template",
    [
        "javascript:alert('{study_instance_uid}')",
        "https://pacs.example/",
        "https://pacs.example/{patient_id}",
        "https://{study_instance_uid}/",
        "https://pacs.example/{study_instance_uid",
        "https://pacs.example/{study_instance_uid.__class__}",
        "https://pacs.example/{study_instance_uid!r}",
        "https://pacs.example/{study_instance_uid:>9}",
        "https://[pacs/{study_instance_uid}",
        "/viewer?s={study_instance_uid}",
        "https://pacs.example/{}",
    ],
)
def test_a_template_that_leads_elsewhere_is_refused(template: str) -> None:
    """At the start, with what was expected."""
    with pytest.raises(ValueError, match="expected an address such as"):
        check_viewer_template(template)
