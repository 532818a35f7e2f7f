"""STOW-RS: what goes out, and what each answer leads to."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from screening.delivery.destination import Destination
from screening.delivery.kind import Ending
from screening.delivery_kinds.stow_rs import HTTP_RULES, OUTCOMES, judged
from screening.transport.http_client import LARGEST_ANSWER_BYTES, HttpAnswer
from tests.peers.http_peer import HttpPeer, Told, http_peer
from tests.reports.over_http import REPORT, UID, over_http, send
from tests.services.servers import free_port


@pytest.fixture
def peer() -> Iterator[HttpPeer]:
    """Return a running server."""
    with http_peer() as running:
        yield running


def stow(url: str, **keys: Any) -> Destination:
    """Return a destination that takes reports by STOW-RS."""
    return over_http("stow-rs", url, **keys)


def entry(uid: str = UID, **numbers: Any) -> dict[str, Any]:
    """Return an item of one of the answer's sequences."""
    return {"00081155": {"vr": "UI", "Value": [uid]}} | {
        tag.removeprefix("t"): {"vr": "US", "Value": [number]} for tag, number in numbers.items()
    }


def answered(status: int, body: Any = None, **sequences: list[Any]) -> tuple[Ending, str]:
    """Return how an attempt ends that is answered so, and its status."""
    tags = {"stored": "00081199", "failed": "00081198"}
    said = {tags[name]: {"vr": "SQ", "Value": items} for name, items in sequences.items()}
    encoded = body if isinstance(body, bytes) else json.dumps(body or said).encode()
    answer = judged(HttpAnswer(status, encoded), UID)
    assert len(answer.status) <= 16
    return OUTCOMES[answer.outcome], answer.status


def test_a_report_goes_out_as_it_is(peer: HttpPeer) -> None:
    """One part, its bytes; the same request each time; several reports over one connection."""
    destination = stow(f"{peer.url}/dicom-web/")
    attempts = list(destination.send([REPORT, REPORT]))
    assert [one.ending for one in attempts] == [Ending.DELIVERED] * 2
    first, again = peer.came
    assert (first.method, first.path) == ("POST", "/dicom-web/studies")
    assert first == again
    kind, boundary = first.headers["Content-Type"].split("; boundary=")
    assert kind == 'multipart/related; type="application/dicom"'
    assert first.headers["Accept"] == "application/dicom+json"
    expected = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\nDCM\r\n--{boundary}--\r\n"
    assert first.body == expected.encode()
    assert "Authorization" not in first.headers


@pytest.mark.parametrize(
    ("status", "sequences", "ending"),
    [
        (200, {"stored": [entry()]}, Ending.DELIVERED),
        (200, {}, Ending.DELIVERED),
        (200, {"failed": [entry(t00081197=0xA700)]}, Ending.RETRY),
        (202, {"stored": [entry()], "failed": [entry("1.2", t00081197=0xC000)]}, Ending.DELIVERED),
        (202, {"stored": [entry(t00081196=0xB000)]}, Ending.DELIVERED),
        (202, {"stored": [entry("1.2")]}, Ending.RETRY),
        (202, {"failed": [entry(t00081197=0x0110)]}, Ending.RETRY),
        (409, {"failed": [entry(t00081197=0xA700)]}, Ending.RETRY),
        (409, {"failed": [entry(t00081197=0xA9FF)]}, Ending.REFUSED),
        (409, {"failed": [entry(t00081197=0xC122)]}, Ending.REFUSED),
        (409, {"failed": [entry(t00081197=0x0122)]}, Ending.REFUSED),
        (409, {"failed": [entry(t00081197=0x0111)]}, Ending.DELIVERED),
        (409, {"failed": [entry()]}, Ending.REFUSED),
        (409, {"failed": [entry("1.2", t00081197=0xA700)]}, Ending.REFUSED),
        (409, {"stored": [entry()]}, Ending.REFUSED),
        (500, {"stored": [entry()]}, Ending.RETRY),
    ],
)
def test_an_answer_is_read_for_this_object(
    status: int, sequences: dict[str, list[Any]], ending: Ending
) -> None:
    """Its own Failure Reason decides; what others met with does not."""
    assert answered(status, **sequences)[0] is ending


def test_the_status_names_the_reason() -> None:
    """HTTP status and Failure Reason."""
    assert answered(409, failed=[entry(t00081197=0xA700)]) == (Ending.RETRY, "409 0xA700")
    assert answered(202, stored=[entry(t00081196=0xB006)]) == (Ending.DELIVERED, "202 0xB006")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'{"00081198": 7}',
        b'{"00081198": {"Value": [3, null, {"00081155": {"Value": "2.25.77"}}]}}',
        b'{"00081198": {"Value": [{"00081155": {"Value": ["2.25.770"]}}]}}',
    ],
)
def test_an_answer_that_says_nothing_is_read_by_its_status(body: bytes) -> None:
    """Also where it is no JSON, or another one's."""
    assert answered(200, body)[0] is Ending.DELIVERED
    assert answered(202, body)[0] is Ending.RETRY
    assert answered(409, body)[0] is Ending.REFUSED


def test_a_reason_that_is_no_number_is_none() -> None:
    """The object is named as failed all the same; a list around the answer is looked into."""
    assert answered(409, failed=[entry(t00081197="A700")])[0] is Ending.REFUSED
    assert answered(202, [{"00081199": {"Value": [entry()]}}])[0] is Ending.DELIVERED


SENT = [rule for rule in HTTP_RULES if rule.last in range(200, 600)]
"""Statuses that a server of HTTP sends."""


@pytest.mark.parametrize("rule", SENT, ids=lambda rule: f"{rule.first}-{rule.last}")
def test_each_status_leads_where_the_table_says(rule: Any, peer: HttpPeer) -> None:
    """Over a socket; a redirect is not followed."""
    peer.answer = lambda _: Told(rule.last, headers={"Location": f"{peer.url}/elsewhere"})
    attempt = send(stow(peer.url))
    assert (attempt.ending, attempt.status) == (OUTCOMES[rule.outcome], str(rule.last))
    assert attempt.message == rule.meaning
    assert [came.path for came in peer.came] == ["/studies"]


def test_a_server_that_never_answers_or_never_ends_is_left(peer: HttpPeer) -> None:
    """Each attempt ends in time, and is made again later."""
    attempt = send(stow(f"http://127.0.0.1:{free_port()}"))
    assert (attempt.ending, attempt.status) == (Ending.RETRY, "")
    assert "Connection refused" in attempt.message
    peer.answer = lambda _: Told(200, b" " * (LARGEST_ANSWER_BYTES + 1))
    assert "found more" in send(stow(peer.url)).message


def test_its_test_says_what_is_there(peer: HttpPeer) -> None:
    """Reachable, and let in; no report is sent, and nobody's study asked for."""
    said = {}
    for status in (200, 204, 401, 404, 302, 405, 400, 503):
        peer.answer = lambda _, status=status: Told(status)  # type: ignore[misc]
        said[status] = [check.passed for check in stow(peer.url).test()]
    assert said == {
        200: [True, True], 204: [True, True], 401: [True, False], 404: [True, False],
        302: [True, False], 405: [True, True], 400: [True, True], 503: [True, False],
    }  # fmt: skip
    assert {came.method for came in peer.came} == {"GET"}
    [check] = stow(f"http://127.0.0.1:{free_port()}").test()
    assert (check.what, check.passed) == ("reachable", False)
