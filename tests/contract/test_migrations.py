"""The schema goes up and down, is what the tables say, and holds its promises by itself."""

from contextlib import closing
from datetime import timedelta

import alembic.command
import pytest
from sqlalchemy import inspect, select
from sqlalchemy.exc import IntegrityError

from screening.db.bundle_rows import BundleOnDisk, activate, active_bundle
from screening.db.migrate import alembic_config, require_current, upgrade
from screening.db.session import Database
from screening.db.tables.instances import Bundle
from screening.db.tables.schema import metadata
from screening.db.tables.views import instance_results
from screening.errors import StartupError
from tests.rows.stored import NOON, add_bundle, add_classification, add_instance, add_score
from tests.rows.worklist_view import worklist

VIEWS = {"instance_results", "worklist", "computed_studies", "computed_figures"}


def test_migrations_run_up_and_down_and_match_the_tables(empty_url: str) -> None:
    """Up, down to nothing, up again; `alembic check` finds nothing to add."""
    config = alembic_config(empty_url)
    upgrade(empty_url)
    alembic.command.downgrade(config, "base")
    with closing(Database(empty_url)) as database:
        found = inspect(database.engine)
        assert found.get_table_names() == ["alembic_version"]
        assert found.get_view_names() == []
    upgrade(empty_url)
    upgrade(empty_url)
    alembic.command.check(config)
    with closing(Database(empty_url)) as database:
        found = inspect(database.engine)
        assert set(found.get_table_names()) == {"alembic_version", *metadata().tables}
        assert set(found.get_view_names()) == VIEWS


def test_a_database_without_the_schema_ends_the_start(empty_url: str) -> None:
    """The message says which revision is missing and the command that brings it."""
    with closing(Database(empty_url)) as database:
        with pytest.raises(
            StartupError, match="found an empty database; run `screening db upgrade`"
        ):
            require_current(database, empty_url)
        upgrade(empty_url)
        require_current(database, empty_url)


def test_one_bundle_is_active(database: Database) -> None:
    """The database refuses a second active bundle; retired ones may be many."""
    with database.write() as session:
        for name, role in (("a", "active"), ("b", "retired"), ("c", "retired")):
            add_bundle(session, name=name, role=role)
    with pytest.raises(IntegrityError), database.write() as session:
        add_bundle(session, name="d", role="active")


def test_activating_retires_the_bundle_before(database: Database) -> None:
    """The new one is active at once, the old one can come back; each is registered once."""
    assert active_bundle(database) is None
    for digest in ("a" * 64, "b" * 64, "a" * 64):
        bundle = BundleOnDisk(digest[0], "1", digest, trained=True, manifest={})
        activate(database, bundle, by="ann")
        active = active_bundle(database)
        assert active is not None
        assert active.digest == digest
    with database.read() as session:
        rows = session.execute(select(Bundle.name, Bundle.role).order_by(Bundle.name)).all()
    assert [tuple(row) for row in rows] == [("a", "active"), ("b", "retired")]


@pytest.mark.parametrize("waiting", ["received", "claimed"])
def test_an_instance_waits_once(database: Database, waiting: str) -> None:
    """The database refuses a second pending classification, beside any number of finished ones."""
    with database.write() as session:
        instance = add_instance(session, "1.2")
        for name in ("a", "b"):
            bundle = add_bundle(session, name=name, role="retired")
            add_score(session, instance, bundle, priority="LOW", covid19=0.1)
        add_classification(session, instance, state=waiting)
        instance_id = instance.id
    with pytest.raises(IntegrityError), database.write() as session:
        add_classification(session, session.get_one(type(instance), instance_id))


def test_one_object_is_the_first_of_its_uid(database: Database) -> None:
    """Further objects of a UID must be marked as conflicting, each with bytes of its own."""
    same_uid = {"sop_instance_uid": "1.2.3"}
    with database.write() as session:
        add_instance(session, "1.2", **same_uid)
        add_instance(session, "1.2", **same_uid, conflicting=True, sha256="c" * 64)
    for columns in ({}, {"conflicting": True, "sha256": "c" * 64}):
        with pytest.raises(IntegrityError), database.write() as session:
            add_instance(session, "1.2", **same_uid, **columns)


def test_the_views_read_alike(database: Database) -> None:
    """One result an instance, one line a study, times aware and in UTC on both systems."""
    with database.write() as session:
        older = add_bundle(session, name="older", role="retired")
        newer = add_bundle(session, name="newer")
        image = add_instance(session, "1.2.1", received_at=NOON + timedelta(minutes=1))
        add_score(session, image, older, priority="STAT", covid19=0.9)
        later = NOON + timedelta(minutes=9)
        add_score(session, image, newer, priority="HIGH", covid19=0.2, finished_at=later)
        add_classification(session, add_instance(session, "1.2.1"))
        failed = add_instance(session, "1.2.2")
        add_classification(session, failed, state="failed", reason="undecodable_pixels")
    with database.read() as session:
        results = session.execute(
            select(instance_results.c.state, instance_results.c.received_at).order_by(
                instance_results.c.instance_id
            )
        ).all()
        studies = session.execute(
            select(worklist).order_by(
                worklist.c.rank, worklist.c.covid19.desc(), worklist.c.received_at
            )
        ).all()
    assert [row.state for row in results] == ["classified", "pending", "failed"]
    assert results[0].received_at == NOON + timedelta(minutes=1)
    by_study = {row.study_instance_uid: row for row in studies}
    both, broken = by_study["1.2.1"], by_study["1.2.2"]
    assert (both.instances, both.pending, both.classified) == (2, 1, 1)
    assert (both.priority, both.untrained) == ("HIGH", 0)
    assert both.covid19 == pytest.approx(0.2)
    assert (both.received_at, both.finished_at) == (NOON, later)
    assert (broken.failed, broken.priority, broken.covid19) == (1, "UNSCORED", None)
