"""Derived UIDs."""

import pytest
from pydicom.uid import UID

from screening.delivery import uids

A, B = "a" * 64, "b" * 64


@pytest.mark.parametrize(
    "uid",
    [
        uids.report_instance_uid("1.2.3", A, "1.2.840.10008.5.1.4.1.1.88.33"),
        uids.report_series_uid("1.2.3", A),
        uids.tracking_uid("1.2.3", A, "covid19"),
        uids.device_uid(A),
        uids.missing_series_uid("1.2.3"),
    ],
)
def test_derived_uids_are_legal(uid: str) -> None:
    """A derived UID is a legal UID below 2.25 with at most 64 characters."""
    assert UID(uid).is_valid
    assert uid.startswith("2.25.")
    assert len(uid) <= 64


def test_a_uid_is_the_same_in_every_release() -> None:
    """The UID of given parts is fixed for ever: peers hold objects under it."""
    assert uids.device_uid(A) == "2.25.219589216982869063306347572589789224092"


def test_every_part_changes_the_report_uid() -> None:
    """Another image, bundle or SR class gives another report."""
    parts = [("1.2.3", A, "1.1"), ("1.2.4", A, "1.1"), ("1.2.3", B, "1.1"), ("1.2.3", A, "1.2")]
    assert len({uids.report_instance_uid(*one) for one in parts}) == len(parts)


def test_a_report_issued_again_is_another_one_and_the_first_is_as_ever() -> None:
    """Each has a UID of its own; the first keeps that of releases that issued none again."""
    image = ("1.2.3", A, "1.1")
    issued = [uids.report_instance_uid(*image, revision) for revision in range(3)]
    assert len(set(issued)) == 3
    assert issued[0] == uids.report_instance_uid(*image)
    assert uids.report_instance_uid(*image) == uids.derived_uid(
        "sr", *image[:2], uids.REPORT_SCHEMA_VERSION, image[2]
    )


def test_parts_do_not_run_together() -> None:
    """Parts are kept apart: "ab", "c" is not "a", "bc"."""
    assert uids.derived_uid("ab", "c") != uids.derived_uid("a", "bc")


def test_a_retrained_bundle_is_another_device() -> None:
    """The device UID changes with the bundle's digest, as IHE AIR asks."""
    assert uids.device_uid(A) != uids.device_uid(B)
