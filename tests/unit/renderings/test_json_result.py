"""The result as JSON: what it says, what it does not, and its published schema."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from screening.delivery.content import ReportContent, ReportReference
from screening.delivery.rendering import RENDERINGS
from screening.delivery_kinds.webhook import PING
from screening.renderings.json_result.body import Body
from tests.reports.samples import PREDECESSOR, content, header
from tests.sites.commands import command_of

SCHEMA = Path(__file__).parents[3] / "docs" / "webhook.schema.json"
ADAPTER: TypeAdapter[Any] = TypeAdapter(Body)
SR = ReportReference("1.2.840.10008.5.1.4.1.1.88.33", "2.25.33", "1.2.3.1", "2.25.9")
PATIENT_VALUES = ("Doe", "Jane", "PID-77", "19700131", "HOSPITAL", "ACC-0123456789", "Referrer")


def rendered(name: str, said: ReportContent | None = None) -> bytes:
    """Return the JSON on one image; it is of the published form."""
    encoded = RENDERINGS.named(name).render(header(), said or content()).encoded
    ADAPTER.validate_json(encoded)
    return encoded


def test_it_says_what_the_result_is() -> None:
    """And what it supersedes, and the structured reports beside it."""
    later = content().classified_at.replace(hour=20)
    said = replace(content(predecessors=(PREDECESSOR,)), companions=(SR,), issued_at=later)
    body = json.loads(rendered("json", said))
    assert (body["type"], body["supersedes"]) == ("result.corrected", "2.25.1")
    assert body["priority"] == "HIGH"
    assert body["probabilities"]["covid19"] == pytest.approx(0.72)
    assert body["structured_reports"] == ["2.25.33"]
    assert (body["study_instance_uid"], body["sop_instance_uid"]) == ("1.2.3.1", "1.2.3.1.1.1")
    assert body["current_since"] == "2026-03-01T20:30:15Z"
    assert body["calibration"] is None
    first = json.loads(rendered("json", content(trained=False)))
    assert (first["type"], first["supersedes"]) == ("result.made", None)
    assert "UNTRAINED" in first["caution"]


def test_no_patient_attribute_is_in_it_unless_the_site_says_so() -> None:
    """Neither value nor key; the other rendering has them, under an id of its own."""
    without, with_patient = rendered("json"), rendered("json_with_patient")
    assert [value for value in PATIENT_VALUES if value.encode() in without] == []
    assert {"patient", "accession_number"}.isdisjoint(json.loads(without))
    body = json.loads(with_patient)
    assert body["patient"] == {
        "id": "PID-77",
        "issuer_of_id": "HOSPITAL",
        "name": "Doe^Jane",
        "birth_date": "19700131",
        "sex": "F",
    }
    assert body["accession_number"] == "ACC-0123456789"
    assert body["id"] != json.loads(without)["id"]


def test_the_same_result_is_the_same_bytes() -> None:
    """However often it is made."""
    assert rendered("json") == rendered("json")


def test_the_published_schema_is_the_programs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """docs/webhook.schema.json; the ping is of it, too, and other things are not."""
    status, printed, _ = command_of("destinations", monkeypatch, capsys)("schema")
    assert (status, json.loads(printed)) == (0, json.loads(SCHEMA.read_text(encoding="utf-8")))
    ADAPTER.validate_json(PING)
    for wrong in (b"{}", b'{"type": "ping", "more": 1}', b'{"version": "2", "type": "ping"}'):
        with pytest.raises(ValidationError):
            ADAPTER.validate_json(wrong)
