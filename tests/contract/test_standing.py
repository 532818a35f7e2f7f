"""Studies and totals: kept by every transaction, by many at once, and found out where wrong."""

import contextlib
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select, text, update

from screening.classify.claim import claim
from screening.classify.record import Scored, record
from screening.db.bundle_rows import active_bundle
from screening.db.clock import utc_now
from screening.db.recount import put_right, recount
from screening.db.session import Database
from screening.db.tables.instances import Bundle, Classification, Delivery, Instance
from screening.db.tables.studies import Study
from screening.delivery.kind import Attempt, Ending
from screening.domain.backoff import Backoff
from screening.domain.eligibility import Reason, Refusal
from screening.domain.failures import FailureReason
from screening.domain.scores import combine, member_scores
from screening.domain.triage import Priority, Triage
from screening.ensemble.examination import Failed
from screening.errors import DatabaseUnavailableError
from screening.ops.delivery_control import give_up_undelivered, release_parked
from screening.ops.ledger import read_ledger
from screening.ops.reprocess import request
from screening.receive.objects.intake import Intake, Outcome, Peer, Request
from screening.report.deliveries import claim_deliveries, record_attempt
from screening.spool.store import Spool
from screening.worklist.figures.pending import oldest_pending_age_s
from screening.worklist.studies.ordering import read_worklist
from tests.peers.receiving import radiograph
from tests.rows.stored import (
    COMPUTED_RADIOGRAPHY,
    NOON,
    add_bundle,
    add_classification,
    add_instance,
    add_report,
    add_score,
)

STUDIES, THREADS, TURNS, TRIES = 6, 6, 12, 9
NO_BACKOFF = Backoff(first_s=0, longest_s=0)


def scored(priority: Priority, covid19: float) -> Scored:
    """Return a result."""
    scores = (covid19, 1 - covid19, 0.0)
    member = member_scores("concatenated", ("covid19", "pneumonia", "normal"), scores, 1.0)
    return Scored(combine([member], [1.0]), Triage(priority, "rule", covid19), "ab" * 32, {}, {})


def receive(
    database: Database, spool: Spool, folder: Path, study: int, number: int, **values: str
) -> Outcome:
    """Take one object as the SCP does."""
    file = folder / f"{random.random()}.part"  # noqa: S311  a name
    uid = f"1.2.{study}.1.{number}"
    file.write_bytes(radiograph(StudyInstanceUID=f"1.2.{study}", SOPInstanceUID=uid, **values))
    peer = Peer(f"association {study}", "CR_ROOM_1", "SCREENING", "127.0.0.1", NOON)
    return Intake(database, spool).take(file, Request(COMPUTED_RADIOGRAPHY, uid), peer)


def test_an_object_is_counted_as_it_is_received(
    database: Database, spool: Spool, tmp_path: Path
) -> None:
    """New, repeated and conflicting objects, and one of another patient in the same study."""
    outcomes = [
        receive(database, spool, tmp_path, 1, 1, PatientID="P1"),
        receive(database, spool, tmp_path, 1, 1, PatientID="P1"),
        receive(database, spool, tmp_path, 1, 1, PatientID="P2"),
        receive(database, spool, tmp_path, 1, 2, PatientID="P1"),
        receive(database, spool, tmp_path, 1, 3, PatientID="P3"),
    ]
    assert [outcome.value for outcome in outcomes] == [
        "stored", "repeated", "conflicted", "stored", "stored",
    ]  # fmt: skip
    (entry,) = read_worklist(database).entries
    assert (entry.instances, entry.pending, entry.not_applicable) == (4, 4, 0)
    assert (entry.patient_id, entry.demographics_differ, entry.priority) == ("P3", True, "UNSCORED")
    ledger = read_ledger(database)
    assert (ledger.received, ledger.pending, ledger.adds_up) == (4, 4, True)
    age_s = oldest_pending_age_s(database, utc_now())
    assert age_s is not None
    assert 0 <= age_s < 600


class Site:
    """What stations and operators do to the same few studies."""

    def __init__(self, database: Database, spool: Spool, folder: Path) -> None:
        self.database, self.spool, self.folder = database, spool, folder
        with database.write() as session:
            bundle = add_bundle(session)
            for study in range(STUDIES):
                image = add_instance(session, f"1.2.{study}")
                result = add_score(session, image, bundle, priority="LOW", covid19=0.1)
                add_report(session, result, pacs="parked")
            self.bundle_id = bundle.id

    def receives(self, turn: int) -> None:
        """Take an object of one of the studies."""
        patient = {"PatientID": f"P{turn % 5}"}
        receive(self.database, self.spool, self.folder, turn % STUDIES, turn, **patient)

    def classifies(self, turn: int) -> None:
        """Claim some rows and bring them to one end or another."""
        held = claim(self.database, bundle_id=self.bundle_id, worker="w", batch_size=4, lease_s=60)
        possible = (
            scored(Priority.STAT, 0.9),
            scored(Priority.LOW, 0.1),
            Refusal(Reason.NOT_FRONTAL, "view LL"),
            Failed(FailureReason.INTERNAL_ERROR, "x"),
        )
        results = {
            one.classification_id: possible[(turn + one.classification_id) % len(possible)]
            for one in held.instances
        }
        record(self.database, held, results, NO_BACKOFF)

    def sends(self, turn: int) -> None:
        """Claim some reports and have them arrive, be refused or fail."""
        endings = (Ending.DELIVERED, Ending.REFUSED, Ending.RETRY)
        for number, one in enumerate(claim_deliveries(self.database, "pacs")):
            attempt = Attempt(endings[(turn + number) % 3], "0x0000", "")
            record_attempt(self.database, one, attempt, Backoff(0, 0))

    def operates(self, turn: int) -> None:
        """Give up reports or release them, and have everything scored anew."""
        if turn % 3 == 0:
            give_up_undelivered(self.database, "pacs")
        else:
            release_parked(self.database, "pacs", given_up=True)
        bundle = active_bundle(self.database)
        assert bundle is not None
        request(self.database, bundle, NOON, None)

    def works(self, thread: int) -> None:
        """Do all of it again and again; what the database ends in favour of another, anew."""
        tasks: list[Callable[[int], None]]
        tasks = [self.receives, self.classifies, self.sends, self.operates]
        for turn in range(TURNS):
            for task in random.sample(tasks, len(tasks)):
                for _ in range(TRIES):
                    with contextlib.suppress(DatabaseUnavailableError):
                        task(thread * TURNS + turn)
                        break


def test_the_list_says_what_the_header_says(
    database: Database, spool: Spool, tmp_path: Path
) -> None:
    """Sex, age, birth date, description, time and sender come from the object."""
    said = {
        "PatientSex": "F",
        "PatientBirthDate": "19800214",
        "PatientAge": "",
        "StudyDate": "20260213",
        "StudyTime": "081500",
        "StudyDescription": "Thorax p.a.",
    }
    receive(database, spool, tmp_path, 1, 1, **said)
    (entry,) = read_worklist(database).entries
    assert (entry.patient_sex, entry.patient_age) == ("F", "045Y")
    assert (entry.patient_birth_date, entry.study_time) == ("19800214", "081500")
    assert (entry.study_description, entry.calling_ae_title) == ("Thorax p.a.", "CR_ROOM_1")


def test_many_transactions_at_once_keep_every_figure(
    database: Database, spool: Spool, tmp_path: Path
) -> None:
    """Images of the same few studies come, are scored, fail, are sent, given up and scored anew.

    The fixture counts every row at the end.
    """
    site = Site(database, spool, tmp_path)
    with ThreadPoolExecutor(THREADS) as threads:
        for done in [threads.submit(site.works, thread) for thread in range(THREADS)]:
            done.result()
    assert read_ledger(database).received == STUDIES + THREADS * TURNS
    assert read_ledger(database).adds_up


def test_a_statement_that_the_list_would_miss_is_refused(database: Database) -> None:
    """A state is changed through the session's objects, or by who says what it changes."""
    with database.write() as session:
        instance = add_instance(session, "1.2")
        row = add_classification(session, instance)
        key, instance_id = row.id, instance.id
    statements = [
        update(Classification).values(state="failed"),
        update(Delivery).values({"state": "parked"}),
        update(Delivery).values({Delivery.state: "parked"}),
        update(Instance).where(Instance.id == instance_id).values(patient_name="x"),
        delete(Classification),
        insert(Classification).values(instance_id=instance_id, created_at=NOON),
    ]
    for statement in statements:
        with pytest.raises(RuntimeError, match="whose changes are noted"), database.write() as to:
            to.execute(statement)
    with pytest.raises(RuntimeError, match="whose changes are noted"), database.write() as to:
        to.execute(update(Classification), [{"id": key, "state": "failed"}])
    with database.write() as session:
        session.execute(update(Classification).values(lease_owner="x"))


def test_a_recount_finds_what_is_wrong_and_puts_it_right(database: Database) -> None:
    """A study that is missing, one that lies, a total that is off: each is named, then mended."""
    with database.write() as session:
        bundle = add_bundle(session)
        for study in ("1.1", "1.2", "1.3"):
            result = add_score(
                session, add_instance(session, study), bundle, priority="HIGH", covid19=0.8
            )
            add_report(session, result, pacs="delivered")
    right = read_worklist(database)
    assert recount(database).agrees
    with database.write() as session:
        session.execute(delete(Study).where(Study.study_instance_uid == "1.1"))
        session.execute(update(Study).where(Study.study_instance_uid == "1.2").values(figures=[]))
        session.execute(text("UPDATE totals SET count = count + 5 WHERE kind = 'received'"))
    found = recount(database)
    assert not found.agrees
    assert set(found.wrong_studies) == {"1.1", "1.2"}
    assert found.wrong_totals == {("received", "", ""): (8, 3)}
    assert not read_ledger(database).adds_up
    assert "received 8 instead of 3" in found.differences
    put_right(database)
    assert recount(database).agrees
    assert read_worklist(database) == right


def test_activating_leaves_what_was_scored_alone(database: Database) -> None:
    """A study's row says who scored it, whichever bundle is active."""
    with database.write() as session:
        bundle = add_bundle(session, trained=False)
        add_score(session, add_instance(session, "1.1"), bundle, priority="HIGH", covid19=0.8)
    with database.write() as session:
        session.scalars(select(Bundle)).one().role = "retired"
    (entry,) = read_worklist(database).entries
    assert entry.untrained
