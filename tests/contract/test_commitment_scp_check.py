"""We commit ourselves to what has a row and an undamaged file, and to nothing else."""

from pathlib import Path

from screening.db.clock import utc_now
from screening.db.session import Database
from screening.domain.commitment import NotCommitted, SopReference
from screening.receive.commitment_scp.check import check_references
from screening.spool.store import Spool, data_set_sha256
from tests.peers.receiving import radiograph
from tests.rows.stored import COMPUTED_RADIOGRAPHY, add_instance

DIGITAL = "1.2.840.10008.5.1.4.1.1.1.1"


def keep(database: Database, spool: Spool, uid: str, *, grey: int = 0, **columns: object) -> Path:
    """Put an object into the spool with its row; return its file."""
    incoming = spool.incoming / "object.part"
    incoming.write_bytes(radiograph(SOPInstanceUID=uid, grey=grey))
    digest = data_set_sha256(incoming)
    with database.write() as session:
        add_instance(session, "1.2", sop_instance_uid=uid, sha256=digest, **columns)
    return spool.keep(incoming, digest)


def why_not(
    database: Database, spool: Spool, uid: str, sop_class: str = COMPUTED_RADIOGRAPHY
) -> NotCommitted | None:
    """Return what is said of one instance."""
    [said] = check_references(database, spool, [SopReference(sop_class, uid)]).values()
    return said


def test_a_kept_object_is_committed(database: Database, spool: Spool) -> None:
    """Row, class and file are right."""
    keep(database, spool, "1.2.3")
    assert why_not(database, spool, "1.2.3") is None


def test_an_unknown_instance_is_not(database: Database, spool: Spool) -> None:
    """0x0112, no such object instance."""
    assert why_not(database, spool, "1.2.3") is NotCommitted.NO_SUCH_INSTANCE == 0x0112


def test_an_instance_of_another_class_is_not(database: Database, spool: Spool) -> None:
    """0x0119, class-instance conflict."""
    keep(database, spool, "1.2.3")
    said = why_not(database, spool, "1.2.3", DIGITAL)
    assert said is NotCommitted.CLASS_INSTANCE_CONFLICT == 0x0119


def test_a_damaged_file_is_not(database: Database, spool: Spool) -> None:
    """One byte of it has changed: 0x0110, processing failure."""
    file = keep(database, spool, "1.2.3")
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    assert why_not(database, spool, "1.2.3") is NotCommitted.PROCESSING_FAILURE == 0x0110


def test_a_missing_file_is_not(database: Database, spool: Spool) -> None:
    """The row alone is no object."""
    keep(database, spool, "1.2.3").unlink()
    assert why_not(database, spool, "1.2.3") is NotCommitted.PROCESSING_FAILURE


def test_an_image_under_removal_is_here_no_more(database: Database, spool: Spool) -> None:
    """From its mark on, also while the file is still there."""
    keep(database, spool, "1.2.3", removing_since=utc_now())
    assert why_not(database, spool, "1.2.3") is NotCommitted.NO_SUCH_INSTANCE


def test_of_two_objects_with_one_uid_both_must_be_whole(database: Database, spool: Spool) -> None:
    """The peer may mean either."""
    keep(database, spool, "1.2.3")
    other = keep(database, spool, "1.2.3", grey=9, conflicting=True)
    assert why_not(database, spool, "1.2.3") is None
    other.unlink()
    assert why_not(database, spool, "1.2.3") is NotCommitted.PROCESSING_FAILURE


def test_many_references_are_judged_each_by_itself(database: Database, spool: Spool) -> None:
    """More than one query's worth; one is here."""
    keep(database, spool, "1.2.3")
    unknown = [SopReference(COMPUTED_RADIOGRAPHY, f"1.2.9.{number}") for number in range(1200)]
    known = SopReference(COMPUTED_RADIOGRAPHY, "1.2.3")
    said = check_references(database, spool, [*unknown, known])
    assert said.pop(known) is None
    assert set(said.values()) == {NotCommitted.NO_SUCH_INSTANCE}
    assert len(said) == 1200
