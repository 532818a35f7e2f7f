"""Programs that use the REST interface of a page with two studies of a patient."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from screening.db.session import Database
from screening.domain.roles import Role
from tests.rows.stored import NOON, add_bundle, add_event, add_instance, add_report, add_score
from tests.sites.api_program import OTHER, PATIENT, STUDY, Program
from tests.sites.web_app import Client, password_client, with_token

DOCUMENT = Path(__file__).parents[3] / "docs" / "openapi.json"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """Return the published document."""
    read: dict[str, Any] = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    return read


@pytest.fixture
def people(migrated_database: Database, tmp_path: Path) -> Callable[..., Client]:
    """Return a maker of people's clients; there are two studies of a patient, one reported."""
    patient = {"patient_name": PATIENT, "patient_id": "P-77", "accession_number": "A-5"}
    with migrated_database.write() as session:
        image = add_instance(session, STUDY, **patient)
        result = add_score(session, image, add_bundle(session), priority="STAT", covid19=0.9)
        add_report(session, result, pacs="delivered")
        add_event(session, image, "instance_received", at=NOON, calling_ae_title="CR_ROOM_1")
        add_instance(session, OTHER, **patient)
    return password_client(migrated_database, tmp_path)


@pytest.fixture
def program(
    people: Callable[..., Client], migrated_database: Database, document: dict[str, Any]
) -> Callable[..., Program]:
    """Return a maker of programs with a token of a role."""
    app = people().app
    return lambda role, name=None: Program(
        with_token(app, migrated_database, name or str(role), Role(role)), document
    )
