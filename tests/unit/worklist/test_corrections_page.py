"""Operators decide corrections on the page; readers do not even see that there are any."""

from collections.abc import Callable
from pathlib import Path

import pytest

from screening.db.corrections import read_correction
from screening.db.session import Database
from screening.ops.correction_decisions import reject_correction
from tests.rows.waiting_correction import STUDY, add_waiting_correction
from tests.sites.web_app import Client, form_token, password_client

MakeClient = Callable[..., Client]
PAGES = ("/operations", f"/studies/{STUDY}")


@pytest.fixture
def number(migrated_database: Database) -> int:
    """Add a correction that waits; return its number."""
    with migrated_database.write() as session:
        return add_waiting_correction(session)


@pytest.fixture
def operator(migrated_database: Database, tmp_path: Path, number: int) -> Client:
    """Return an operator's client."""
    del number
    client = password_client(migrated_database, tmp_path)()
    client.log_in("otto")
    return client


@pytest.mark.parametrize("page", PAGES)
def test_both_versions_stand_side_by_side(operator: Client, page: str) -> None:
    """What differs is marked, what is the same is there too."""
    found = operator.get(page).text
    assert '<td>Doe^Jane</td><td class="bad"><strong>Doe^Joan</strong></td>' in found
    assert "<td>PA</td><td>PA</td>" in found
    assert "Accept correction" in found


@pytest.mark.parametrize(("how", "state"), [("accept", "accepted"), ("reject", "rejected")])
@pytest.mark.parametrize("page", PAGES)
def test_an_operator_decides(
    operator: Client, migrated_database: Database, number: int, how: str, state: str, page: str
) -> None:
    """Once, under their name, and is back on the page where they decided."""
    fields = {"correction": str(number), "study": STUDY if page != "/operations" else ""}
    answer = operator.send_form(page, f"/operations/corrections/{how}", **fields)
    assert (answer.status_code, answer.headers["location"]) == (303, page)
    decided = read_correction(migrated_database, number)
    assert decided is not None
    assert (decided.state, decided.decided_by) == (state, "otto")
    assert "Accept correction" not in operator.get(page).text
    assert "otto" in operator.get(f"/studies/{STUDY}").text


def test_who_comes_late_is_told(operator: Client, migrated_database: Database, number: int) -> None:
    """By whom it was decided; nothing changes."""
    token = form_token(operator.get("/operations").text)
    reject_correction(migrated_database, number, by="ann")
    answer = operator.post(
        "/operations/corrections/accept", data={"form_token": token, "correction": str(number)}
    )
    assert answer.status_code == 409
    assert "it was rejected by ann" in answer.text


@pytest.mark.parametrize("wrong", ["", "x", "-1", "1e9", "9" * 40, "<b>other", "٣"])
def test_a_number_that_is_none_is_refused(operator: Client, wrong: str) -> None:
    """And not repeated."""
    answer = operator.send_form("/operations", "/operations/corrections/accept", correction=wrong)
    assert (answer.status_code, "other" in answer.text) == (400, False)


def test_a_study_that_is_none_leads_nowhere(operator: Client, number: int) -> None:
    """The form cannot send its visitor elsewhere."""
    answer = operator.send_form(
        "/operations",
        "/operations/corrections/reject",
        correction=str(number),
        study="//elsewhere.example.org",
    )
    assert answer.headers["location"] == "/operations"


def test_a_reader_sees_and_decides_nothing(
    operator: Client, migrated_database: Database, tmp_path: Path, number: int
) -> None:
    """Neither the other version nor a form; with a token of their own they are refused."""
    del operator
    reader = password_client(migrated_database, tmp_path)()
    reader.log_in("rita")
    page = reader.get(f"/studies/{STUDY}").text
    assert "Joan" not in page
    assert "corrections/accept" not in page
    answer = reader.post(
        "/operations/corrections/accept",
        data={"form_token": form_token(page), "correction": str(number)},
    )
    assert answer.status_code == 403
    waiting = read_correction(migrated_database, number)
    assert waiting is not None
    assert waiting.state == "waiting"


def test_the_study_says_which_bundles_result_stands(operator: Client) -> None:
    """A reader sees whose result it is, and whether that bundle is the active one."""
    found = operator.get(f"/studies/{STUDY}").text
    assert "whose result is the current one" in found
    assert "the active bundle has no result" not in found
