"""Whose study it is: the values of one image, and a word where images disagree."""

import pytest

from screening.db.session import Database
from screening.worklist.studies.ordering import WorklistEntry, read_worklist
from tests.rows.stored import add_instance
from tests.rows.worklist_view import worklist

JANE = {
    "patient_id": "P1",
    "patient_name": "Zoe^Jane",
    "patient_birth_date": "19700101",
    "patient_sex": "F",
    "accession_number": "A9",
}
JOHN = {
    "patient_id": "P2",
    "patient_name": "Abel^John",
    "patient_birth_date": "19800202",
    "patient_sex": "M",
    "accession_number": "A1",
}


def listed(database: Database) -> WorklistEntry:
    """Return the one study of the list."""
    (entry,) = read_worklist(database).entries
    return entry


def values(entry: WorklistEntry) -> dict[str, str]:
    """Return what the list says of the patient."""
    return {name: getattr(entry, name) for name in JANE}


@pytest.mark.parametrize(("first", "second"), [(JANE, JOHN), (JOHN, JANE)])
def test_all_values_are_of_the_newest_image(
    database: Database, first: dict[str, str], second: dict[str, str]
) -> None:
    """Never one patient's name with another's ID; the row says that its images differ."""
    with database.write() as session:
        add_instance(session, "1.2", **first, calling_ae_title="OLD", study_description="old")
        add_instance(session, "1.2", **second, calling_ae_title="NEW", study_description="new")
    entry = listed(database)
    assert values(entry) == second
    assert (entry.calling_ae_title, entry.study_description) == ("NEW", "new")
    assert entry.demographics_differ


def test_what_is_in_conflict_does_not_name_the_study(database: Database) -> None:
    """A newer object under a known UID is shown as a difference, and its values are not."""
    with database.write() as session:
        first = add_instance(session, "1.2", **JANE)
        uid = {"sop_instance_uid": first.sop_instance_uid}
        add_instance(session, "1.2", **JOHN, **uid, conflicting=True)
    assert values(listed(database)) == JANE
    assert listed(database).demographics_differ


def test_a_study_of_conflicting_objects_alone_has_the_newest_ones_values(
    database: Database,
) -> None:
    """A resend under a new Study Instance UID: the study is listed, and then named anew."""
    with database.write() as session:
        first = add_instance(session, "9.9", **JOHN)
        uid = {"sop_instance_uid": first.sop_instance_uid}
        add_instance(session, "1.2", **JANE, **uid, conflicting=True)
    by_uid = {entry.study_instance_uid: entry for entry in read_worklist(database).entries}
    assert values(by_uid["1.2"]) == JANE
    assert not by_uid["1.2"].demographics_differ


@pytest.mark.parametrize("name", sorted(JANE))
def test_each_value_that_tells_patients_apart_counts(database: Database, name: str) -> None:
    """One attribute that differs is enough, an absent one is a difference too."""
    with database.write() as session:
        add_instance(session, "1.2", **JANE)
        add_instance(session, "1.2", **{**JANE, name: ""})
        add_instance(session, "1.3", **JANE)
        add_instance(session, "1.3", **JANE, study_time="120000", study_description="lateral")
    by_uid = {entry.study_instance_uid: entry for entry in read_worklist(database).entries}
    assert by_uid["1.2"].demographics_differ
    assert not by_uid["1.3"].demographics_differ


def test_an_image_from_before_an_attribute_was_read_is_no_difference(database: Database) -> None:
    """Rows of an older version know no birth date and no sex."""
    with database.write() as session:
        unread = {**JANE, "patient_birth_date": None, "patient_sex": None}
        add_instance(session, "1.2", **unread)
        add_instance(session, "1.2", **JANE)
    assert values(listed(database)) == JANE
    assert not listed(database).demographics_differ


def test_a_ris_reads_the_same_in_the_view(database: Database) -> None:
    """The SQL view says it in a column of its own."""
    with database.write() as session:
        add_instance(session, "1.2", **JANE)
        add_instance(session, "1.2", **JOHN)
    with database.read() as session:
        row = session.execute(worklist.select()).one()
    assert {name: getattr(row, name) for name in JOHN} == JOHN
    assert row.demographics_differ == 1
