"""Claims, reading marks and feedback on the page, with its forms."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from screening.db.session import Database
from screening.db.tables.readings import Feedback
from screening.domain.reading import StudyReading
from screening.settings import Settings
from screening.worklist.studies.read_studies import read_finished
from tests.rows.readings import RITA, RUTH, add_study, entry_of, read_by
from tests.sites.web_app import Client, make_app, password_client

STUDY = "1.2.3.4"
PAGE = f"/studies/{STUDY}"
MakeClient = Callable[..., Client]


@pytest.fixture
def make_client(migrated_database: Database, tmp_path: Path) -> MakeClient:
    """Return a maker of clients of a page that asks for passwords; there is a STAT study."""
    add_study(migrated_database, STUDY, "STAT", 0.9)
    return password_client(migrated_database, tmp_path)


@pytest.fixture
def reader(make_client: MakeClient) -> Client:
    """Return a reader who has logged in."""
    return logged_in(make_client, "rita")


def logged_in(make_client: MakeClient, name: str) -> Client:
    """Return a client of somebody who has logged in."""
    client = make_client()
    client.log_in(name)
    return client


def test_a_reader_claims_reads_and_finds_a_study(
    reader: Client, migrated_database: Database
) -> None:
    """Each step shows where it is looked for: on the list, on the study's page, under read."""
    assert "Unread, and claimed by nobody" in reader.get(PAGE).text
    answer = reader.send_form(PAGE, f"{PAGE}/claim")
    assert (answer.status_code, answer.headers["location"]) == (303, PAGE)
    assert "claimed by rita" in reader.get("/").text
    assert "Release" in reader.get(PAGE).text
    answer = reader.send_form(
        PAGE, f"{PAGE}/read", images="1", back="list", answer="agree", label=""
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert PAGE not in reader.get("/").text
    assert "No unread studies" in reader.get("/").text
    assert PAGE in reader.get("/read").text
    assert "Read by rita" in reader.get(PAGE).text
    assert "finds covid19 and agrees with the system" in reader.get(PAGE).text
    reader.send_form(PAGE, f"{PAGE}/put-back")
    assert PAGE in reader.get("/").text
    assert entry_of(migrated_database, STUDY).reading is StudyReading.UNREAD


def test_a_reader_sees_who_was_faster(make_client: MakeClient, migrated_database: Database) -> None:
    """And has no button for what is another's; an operator may release it."""
    read_by(migrated_database, STUDY, RUTH)
    add_study(migrated_database, STUDY, "STAT")
    rita, otto = logged_in(make_client, "rita"), logged_in(make_client, "otto")
    assert "new images since it was read" in rita.get("/").text
    assert "This study was read before" in rita.get(PAGE).text
    otto.send_form(PAGE, f"{PAGE}/claim")
    answer = rita.send_form(PAGE, f"{PAGE}/claim")
    assert answer.status_code == 409
    assert "study was claimed by otto at" in answer.text
    assert f'action="{PAGE}/' not in rita.get(PAGE).text
    assert rita.send_form(PAGE, f"{PAGE}/release").status_code == 409
    otto.send_form(PAGE, f"{PAGE}/release")
    rita.send_form(PAGE, f"{PAGE}/claim")
    assert "Release the claim of rita" in otto.get(PAGE).text


def test_feedback_may_come_later_and_be_corrected(
    reader: Client, migrated_database: Database
) -> None:
    """From any reader of the study; contradictions and unknown words are refused with words."""
    read_by(migrated_database, STUDY)
    reader.send_form(PAGE, f"{PAGE}/feedback", answer="disagree", label="normal")
    reader.send_form(PAGE, f"{PAGE}/feedback", answer="", label="pneumonia")
    with migrated_database.read() as session:
        rows = session.scalars(select(Feedback).order_by(Feedback.id)).all()
    assert [(row.label, row.agrees, row.given_by) for row in rows] == [
        ("normal", False, "rita"),
        ("pneumonia", False, "rita"),
    ]
    refused = {
        (400, "Choose whether you agree"): {},
        (400, "Expected an answer and a class of the page"): {"label": "tumour"},
        (400, "an answer and a class"): {"answer": "perhaps"},
        (409, "choose one"): {"answer": "disagree"},
        (409, "fits the answer"): {"answer": "agree", "label": "normal"},
    }
    for (status, words), fields in refused.items():
        answer = reader.send_form(PAGE, f"{PAGE}/feedback", **fields)
        assert (answer.status_code, words in answer.text) == (status, True), words


@pytest.mark.parametrize("images", ["", "x", "-1", "2", "9" * 30])
def test_a_mark_says_how_many_images_were_seen(reader: Client, images: str) -> None:
    """Anything else than what the study has is refused, and the study stays on the list."""
    answer = reader.send_form(PAGE, f"{PAGE}/read", images=images)
    assert answer.status_code == (409 if images == "2" else 400)
    assert PAGE in reader.get("/").text


@pytest.mark.parametrize("act", ["claim", "release", "read", "put-back", "feedback"])
def test_a_study_that_is_none_is_refused(reader: Client, act: str) -> None:
    """Unknown, or no UID at all, which may name a patient and is not repeated."""
    fields = {"images": "1", "answer": "agree"}
    assert reader.send_form(PAGE, f"/studies/1.9/{act}", **fields).status_code == 409
    answer = reader.send_form(PAGE, f"/studies/Doe^Jane/{act}", **fields)
    assert answer.status_code == 404
    assert "Doe" not in answer.text


def test_an_open_page_knows_nobody_who_could_claim(
    migrated_database: Database, tmp_path: Path
) -> None:
    """It shows no button, and refuses the form."""
    add_study(migrated_database, STUDY, "STAT")
    client = Client(make_app(migrated_database, Settings(data_dir=tmp_path)))
    assert "need readers who log in" in client.get(PAGE).text
    answer = client.post(f"{PAGE}/claim")
    assert answer.status_code == 403
    assert "readers who have logged in" in answer.text


def test_a_study_beyond_the_cap_says_so(migrated_database: Database, tmp_path: Path) -> None:
    """On the list, which it leads, and on its page."""
    add_study(migrated_database, STUDY, "LOW")
    client = Client(make_app(migrated_database, Settings(data_dir=tmp_path, waiting_cap_hours=1)))
    assert "waited too long" in client.get("/").text
    assert "waited too long" in client.get(PAGE).text
    assert client.get("/api/v1/worklist").json()["worklist"][0]["overdue"] is True


def test_read_studies_come_newest_first_in_pages(migrated_database: Database) -> None:
    """Each once, however many there are."""
    studies = [f"1.2.{number}" for number in range(5)]
    for study in studies:
        add_study(migrated_database, study, "LOW")
        read_by(migrated_database, study, RITA)
    found, cursor = [], None
    while True:
        page = read_finished(migrated_database, limit=2, before=cursor)
        found += [entry.study_instance_uid for entry in page.entries]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == studies[::-1]
