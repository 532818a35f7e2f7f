"""What is wrong with a request of the REST interface: told in one form, with nothing repeated."""

from collections.abc import Callable
from typing import Any

import pytest

from screening.worklist.api.bodies import LARGEST_BODY_BYTES
from screening.worklist.api.problems import API_PATH, MEANINGS, Problem, type_of
from tests.sites.api_program import PATH, Program

SCRIPT = "<script>alert(1)</script>"
WRONG_REQUESTS = (
    ("/worklist?after=x", Problem.WRONG_CURSOR),
    ("/worklist?after=" + "A" * 5000, Problem.WRONG_CURSOR),
    ("/worklist?after=a&before=b", Problem.WRONG_CURSOR),
    ("/worklist?show=all&after=1.2.9", Problem.WRONG_CURSOR),
    ("/worklist?search=unknown", Problem.WRONG_SELECTION),
    ("/worklist?from=2026-13-01", Problem.WRONG_SELECTION),
    ("/worklist?from=2026-03-02&to=2026-03-01", Problem.WRONG_SELECTION),
    ("/worklist?from=yesterday", Problem.WRONG_VALUE),
    ("/worklist?limit=0", Problem.WRONG_VALUE),
    ("/worklist?limit=1001", Problem.WRONG_VALUE),
    ("/worklist?priority=urgent", Problem.WRONG_VALUE),
    ("/worklist?priorty=STAT", Problem.WRONG_VALUE),
    (f"/worklist?{SCRIPT}=1", Problem.WRONG_VALUE),
    (f"/worklist?sender={SCRIPT}", Problem.WRONG_VALUE),
    (f"/studies/{SCRIPT.replace('/', '')}", Problem.UNKNOWN_STUDY),
    ("/studies/Doe%5EJane/results", Problem.UNKNOWN_STUDY),
    ("/studies/1.2.9", Problem.UNKNOWN_STUDY),
    ("/images/Doe/preview", Problem.UNKNOWN_IMAGE),
    (f"/images/{'0' * 64}/preview", Problem.UNKNOWN_IMAGE),
    ("/problems/Doe", Problem.UNKNOWN_PROBLEM),
)


def test_a_wrong_request_is_told_what_is_wrong(program: Callable[..., Program]) -> None:
    """In the form of RFC 9457; nothing that was sent is repeated."""
    viewer = program("viewer")
    for path, problem in WRONG_REQUESTS:
        assert viewer.problem("GET", path) is problem, path


def test_a_wrong_body_is_told_what_is_wrong(program: Callable[..., Program]) -> None:
    """Huge, no JSON, of another type, with unknown members or wrong values; nothing is done."""
    ris = program("reader")
    path, json_type = f"{PATH}/reading", {"Content-Type": "application/json"}
    wrong: list[tuple[dict[str, Any], Problem]] = [
        (
            {"content": b"x" * (LARGEST_BODY_BYTES + 1), "headers": json_type},
            Problem.BODY_TOO_LARGE,
        ),
        ({"data": {"images_seen": "1"}}, Problem.WRONG_CONTENT_TYPE),
        ({"content": b"images_seen=1"}, Problem.WRONG_CONTENT_TYPE),
        ({"content": b"{Doe", "headers": json_type}, Problem.WRONG_VALUE),
        ({"content": b"\xff\xfe", "headers": json_type}, Problem.WRONG_VALUE),
        ({"content": b"[" * 8000, "headers": json_type}, Problem.WRONG_VALUE),
        ({"content": b"[]", "headers": json_type}, Problem.WRONG_VALUE),
        ({}, Problem.WRONG_VALUE),
        ({"json": {"images_seen": "1"}}, Problem.WRONG_VALUE),
        ({"json": {"images_seen": -1}}, Problem.WRONG_VALUE),
        ({"json": {"images_seen": 10**30}}, Problem.WRONG_VALUE),
        ({"json": {"images_seen": 1, "Doe^Jane": 1}}, Problem.WRONG_VALUE),
        ({"json": {"images_seen": 1, "feedback": {"label": SCRIPT}}}, Problem.WRONG_VALUE),
        ({"json": {"images_seen": 1, "feedback": {}}}, Problem.WRONG_OPINION),
    ]
    for options, problem in wrong:
        assert ris.problem("PUT", path, **options) is problem, options
    assert ris.problem("PUT", "/studies/1.2.9/claim") is Problem.UNKNOWN_STUDY
    assert ris.told(PATH)["reading"] == "unread"


def test_addresses_and_methods_that_are_none_are_problems_too(
    program: Callable[..., Program],
) -> None:
    """In the same form; each type is an address that explains it."""
    boss = program("operator").client
    for method, path, problem in (
        ("GET", "/nothing", Problem.UNKNOWN_ADDRESS),
        ("GET", "/worklist/", Problem.UNKNOWN_ADDRESS),
        ("DELETE", "/worklist", Problem.WRONG_METHOD),
        ("PATCH", PATH, Problem.WRONG_METHOD),
    ):
        told = boss.ask(method, f"{API_PATH}{path}").json()
        assert (told["type"], told["status"]) == (type_of(problem), MEANINGS[problem].status)
        assert boss.get(told["type"]).json()["title"] == told["title"]


def test_a_defect_is_told_without_its_words(
    program: Callable[..., Program], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log has them."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("Doe^Jane")

    monkeypatch.setattr("screening.worklist.api.studies.read_instances", fail)
    answer = program("viewer").client.get(f"{API_PATH}{PATH}")
    assert (answer.status_code, answer.json()["type"]) == (500, type_of(Problem.DEFECT))
    assert "Doe" not in answer.text
