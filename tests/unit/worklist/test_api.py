"""The REST interface: every operation, for each role."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from screening.db.session import Database
from screening.db.tables.readings import Feedback
from screening.worklist.api import entity_tags
from screening.worklist.api.problems import API_PATH, Problem, type_of
from screening.worklist.api.study_models import PATIENT_ATTRIBUTES
from tests.sites.api_program import OTHER, PATH, PATIENT, STUDY, Program
from tests.sites.web_app import Client, form_token

DOCUMENT = Path(__file__).parents[3] / "docs" / "openapi.json"


def test_the_published_document_is_the_programs(
    program: Callable[..., Program], tmp_path: Path
) -> None:
    """docs/openapi.json; where it differs, the right one is left to be copied."""
    answer = program("monitor").client.get(f"{API_PATH}/openapi.json")
    right = tmp_path / "openapi.json"
    right.write_text(f"{json.dumps(answer.json(), indent=2, ensure_ascii=False)}\n", "utf-8")
    assert right.read_text("utf-8") == DOCUMENT.read_text("utf-8"), f"copy {right} to {DOCUMENT}"


def test_a_program_reads_the_list_a_study_and_its_results(program: Callable[..., Program]) -> None:
    """What the pages show: priority and rule, scores of each member, calibration, trace."""
    viewer = program("viewer")
    page = viewer.told("/worklist")
    first = page["worklist"][0]
    assert [one["study_instance_uid"] for one in page["worklist"]] == [STUDY, OTHER]
    assert (first["priority"], first["patient_name"]) == ("STAT", PATIENT)
    assert (page["total"], page["next_cursor"]) == (None, None)
    study = viewer.told(PATH)
    (image,) = study["images"]
    assert image["preview"] == f"{API_PATH}/images/{image['sha256']}/preview"
    assert [(one["study_instance_uid"], one["is_same"]) for one in study["others"]] == [
        (OTHER, True)
    ]
    told = viewer.told(f"{PATH}/results")
    assert told["calibrations"] == {"in_force": {}, "void": {}}
    (result,) = told["images"][0]["results"]
    assert result["ensemble"]["covid19"] == 0.9
    assert [one["member"] for one in result["members"]] == ["concatenated", "coronet"]
    assert result["reports"][0]["deliveries"][0]["state"] == "delivered"
    assert "received from CR_ROOM_1" in told["trace"][0]["text"]


def test_a_monitor_sees_no_patient(program: Callable[..., Program]) -> None:
    """Neither value nor picture, nor an order or a search that tells of them."""
    monitor = program("monitor")
    answers = [monitor.ask("GET", path) for path in ("/worklist", PATH, f"{PATH}/results")]
    for answer in answers:
        assert answer.status_code == 200
        assert [
            one for one in ("Roe", "P-77", "A-5", "19800214", "Thorax") if one in answer.text
        ] == []
    study = answers[1].json()
    assert {study[name] for name in PATIENT_ATTRIBUTES} == {None}
    assert (study["others"], study["images"][0]["preview"]) == (None, None)
    sha256 = study["images"][0]["sha256"]
    for method, path in (
        ("GET", f"/images/{sha256}/preview"),
        ("GET", "/worklist?sort=patient"),
        ("GET", "/worklist?search=anything"),
        ("PUT", f"{PATH}/claim"),
    ):
        assert monitor.problem(method, path) is Problem.NOT_ALLOWED, path
    assert monitor.problem("POST", "/searches", json={"text": "Roe"}) is Problem.NOT_ALLOWED
    assert monitor.client.get("/metrics").status_code == 200


def test_a_selection_is_filtered_sorted_and_searched(program: Callable[..., Program]) -> None:
    """As on the page; what is searched is in no address."""
    viewer = program("viewer")

    def found(query: str) -> list[str]:
        return [one["study_instance_uid"] for one in viewer.told(f"/worklist?{query}")["worklist"]]

    assert found("priority=STAT") == found("from=2026-03-01&to=2026-03-01&state=classified")
    assert found("sort=covid19&order=up") == [STUDY, OTHER]
    assert found("show=today") == found("sender=NOBODY") == []
    first = viewer.told("/worklist?sort=priority&limit=1")
    assert (first["total"], first["next_cursor"]) == (2, STUDY)
    assert found(f"sort=priority&limit=1&after={first['next_cursor']}") == [OTHER]
    answer = viewer.ask("POST", "/searches", json={"text": "roe, r"})
    assert answer.status_code == 201
    address = answer.json()["worklist"]
    assert "roe" not in address.lower()
    assert len(viewer.told(address.removeprefix(API_PATH))["worklist"]) == 2


def test_an_unchanged_list_costs_no_listing(
    program: Callable[..., Program],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """304 until an event, or until the minute is over; a tag is of one question and one role."""
    monkeypatch.setattr(entity_tags, "LASTS_S", 10**9)
    viewer, monitor = program("viewer"), program("monitor")
    tag = viewer.ask("GET", "/worklist").headers["ETag"]
    known = {"If-None-Match": f'"other", {tag}'}
    with monkeypatch.context() as context:
        context.setattr("screening.worklist.source.read_worklist", None)
        again = viewer.ask("GET", "/worklist", headers=known)
    assert (again.status_code, again.headers["ETag"]) == (304, tag)
    assert viewer.ask("GET", "/worklist?limit=1", headers=known).status_code == 200
    assert monitor.ask("GET", "/worklist", headers=known).status_code == 200
    program("reader").ask("PUT", f"{PATH}/claim")
    changed = viewer.ask("GET", "/worklist", headers=known)
    assert changed.json()["worklist"][0]["reader"] == "client:reader"
    monkeypatch.setattr(entity_tags, "LASTS_S", 0.001)
    tag = viewer.ask("GET", "/worklist").headers["ETag"]
    later = viewer.ask("GET", "/worklist", headers={"If-None-Match": tag})
    assert later.status_code == 200


def test_programs_claim_read_and_give_feedback(
    program: Callable[..., Program], people: Callable[..., Client], migrated_database: Database
) -> None:
    """By the page's rules: of two the first has it, operators end others' claims."""
    ris, other, boss = program("reader", "ris"), program("reader", "pacs"), program("operator")
    assert ris.ask("PUT", f"{PATH}/claim").json()["reader"] == "client:ris"
    assert ris.ask("PUT", f"{PATH}/claim").status_code == 200
    rita = people()
    rita.log_in("rita")
    assert "claimed by client:ris" in rita.get("/").text
    assert other.problem("PUT", f"{PATH}/claim") is Problem.REFUSED
    assert other.problem("DELETE", f"{PATH}/claim") is Problem.REFUSED
    seen = {"images_seen": 1, "feedback": {"answer": "agree"}}
    assert other.problem("PUT", f"{PATH}/reading", json=seen) is Problem.REFUSED
    assert boss.ask("DELETE", f"{PATH}/claim").json()["reading"] == "unread"
    stale = {"images_seen": 2}
    assert other.problem("PUT", f"{PATH}/reading", json=stale) is Problem.REFUSED
    assert other.ask("PUT", f"{PATH}/reading", json=seen).json()["reading"] == "read"
    assert STUDY not in ris.ask("GET", "/worklist").text
    assert ris.problem("DELETE", f"{PATH}/reading") is Problem.REFUSED
    found = {"answer": "disagree", "label": "normal"}
    assert ris.ask("POST", f"{PATH}/feedback", json=found).status_code == 200
    nothing: dict[str, str] = {}
    assert ris.problem("POST", f"{PATH}/feedback", json=nothing) is Problem.WRONG_OPINION
    both = {"answer": "agree", "label": "normal"}
    assert ris.problem("POST", f"{PATH}/feedback", json=both) is Problem.REFUSED
    assert other.ask("DELETE", f"{PATH}/reading").json()["reading"] == "unread"
    with migrated_database.read() as session:
        rows = session.scalars(select(Feedback).order_by(Feedback.id)).all()
    assert [(row.label, row.agrees, row.given_by) for row in rows] == [
        ("covid19", True, "client:pacs"),
        ("normal", False, "client:ris"),
    ]


def test_a_person_needs_the_token_of_a_form(people: Callable[..., Client]) -> None:
    """A browser sends its cookie by itself, to any page that asks it to; a token it does not."""
    rita = people()
    rita.log_in("rita")
    assert rita.get(f"{API_PATH}/worklist").status_code == 200
    claim = f"{API_PATH}{PATH}/claim"
    refused = rita.ask("PUT", claim)
    assert (refused.status_code, refused.json()["type"]) == (403, type_of(Problem.NOT_ALLOWED))
    token = {"X-Form-Token": form_token(rita.get("/").text)}
    assert rita.ask("PUT", claim, headers=token).json()["reader"] == "rita"
    elsewhere = {**token, "Origin": "https://elsewhere.example.org"}
    assert rita.ask("DELETE", claim, headers=elsewhere).status_code == 403


def test_the_earlier_address_leads_to_the_new_one(people: Callable[..., Client]) -> None:
    """For programs of the first release."""
    rita = people()
    rita.log_in("rita")
    answer = rita.get("/api/worklist?limit=7")
    assert (answer.status_code, answer.headers["Location"]) == (308, f"{API_PATH}/worklist?limit=7")


def test_what_programs_do_is_logged_without_patients(program: Callable[..., Program]) -> None:
    """Who did what to which study."""
    viewer, ris = program("viewer"), program("reader", "ris")
    with capture_logs() as logged:
        viewer.ask("POST", "/searches", json={"text": "Roe"})
        viewer.told("/worklist?sort=patient")
        ris.ask("PUT", f"{PATH}/claim")
    told = [one for one in logged if one["event"] == "study_claimed"]
    assert [(one["user"], one["study_instance_uid"]) for one in told] == [("client:ris", STUDY)]
    assert not {"Roe", "P-77", "A-5"} & set(re.findall(r"[\w-]+", str(logged)))
