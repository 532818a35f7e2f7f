"""What a site finds after the upgrade that marks which result stands."""

import json
from contextlib import closing
from datetime import timedelta

import alembic.command
import pytest
from sqlalchemy import Connection, text

from screening.db.bundle_rows import way_back
from screening.db.migrate import alembic_config, upgrade
from screening.db.session import Database
from screening.ops.change_over import finish_change_over
from screening.worklist.studies.ordering import read_entry
from tests.rows.standing_results import misplaced, standing
from tests.rows.stored import NOON

LATER = NOON + timedelta(hours=1)
STUDY = "1.2.3"


def insert(connection: Connection, table: str, **values: object) -> None:
    """Add one row as the schema before had it."""
    columns, names = ", ".join(values), ", ".join(f":{name}" for name in values)
    connection.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({names})"), values)  # noqa: S608  names of this test


@pytest.fixture
def site(empty_url: str) -> str:
    """Build a site of the schema before: a, b, then a again was activated; b's score is newer."""
    config = alembic_config(empty_url)
    alembic.command.upgrade(config, "0004")
    with closing(Database(empty_url)) as database, database.engine.begin() as connection:
        for number, (name, role) in enumerate((("a", "active"), ("b", "retired")), start=1):
            insert(
                connection, "bundles", id=number, name=name, version="1", digest=name * 64,
                trained=True, role=role, registered_at=NOON, manifest="{}",
            )  # fmt: skip
        for name in ("a", "b", "a"):
            insert(
                connection, "events", at=NOON, kind="bundle_activated",
                detail=json.dumps({"bundle": f"{name} 1", "digest": name * 64}),
            )  # fmt: skip
        insert(
            connection, "instances", id=1, sop_instance_uid="1.2.3.1", sop_class_uid="1.2",
            study_instance_uid=STUDY, series_instance_uid="1.2.3.2", transfer_syntax_uid="1.2",
            sha256="c" * 64, conflicting=False, size_bytes=1, modality="CR",
            calling_ae_title="CR1", received_at=NOON, patient_id="P", patient_name="Doe",
            accession_number="A", study_date="", study_time="",
        )  # fmt: skip
        for bundle_id, finished_at, covid19 in ((1, NOON, 0.9), (2, LATER, 0.1)):
            insert(
                connection, "classifications", id=bundle_id, instance_id=1, bundle_id=bundle_id,
                state="classified", created_at=NOON, finished_at=finished_at, covid19=covid19,
                pneumonia=0.0, normal=1 - covid19, priority="STAT" if covid19 > 0.5 else "LOW",
                priority_rule="rule", priority_score=covid19, report_state="made", attempts=1,
            )  # fmt: skip
    return empty_url


def test_what_stood_stands_until_the_active_bundles_result_is_brought_to(site: str) -> None:
    """The upgrade changes nothing that readers see; the change tells the report that it is due."""
    upgrade(site)
    with closing(Database(site)) as database:
        assert standing(database) == {1: 2}
        assert misplaced(database) == [1]
        assert finish_change_over(database) == 1
        assert (standing(database), misplaced(database)) == ({1: 1}, [])
        entry = read_entry(database, STUDY)
        assert entry is not None
        assert (entry.covid19, entry.report) == (0.9, "due")


def test_the_history_of_activations_is_that_of_the_trail(site: str) -> None:
    """Going back leads where the site came from before the upgrade."""
    upgrade(site)
    with closing(Database(site)) as database:
        way = way_back(database)
        assert (way.active.name, way.before.name) == ("a", "b")


def test_the_schema_before_can_be_gone_back_to(site: str) -> None:
    """As long as no report was issued again, nothing is lost on the way down and up."""
    upgrade(site)
    alembic.command.downgrade(alembic_config(site), "0004")
    upgrade(site)
    with closing(Database(site)) as database:
        assert standing(database) == {1: 2}
