"""Who is let in, and how the others are told."""

import pytest

from screening.dimse.rejections import REJECTION_OF, Refused
from screening.errors import OutOfSpaceError
from screening.receive.connections.admission import Admission
from screening.receive.connections.places import OwnPlaces


def no_space() -> None:
    """Be over the watermark."""
    raise OutOfSpaceError("full")


def admission(**rules: object) -> Admission:
    """Return an admission with two places that lets everybody in, but for `rules`."""
    open_to_all: dict[str, object] = {
        "calling_ae_titles": (),
        "called_ae_title": None,
        "places": OwnPlaces(2),
        "require_space": lambda: None,
    }
    return Admission(**{**open_to_all, **rules})  # type: ignore[arg-type]  # made of two dicts


def enter(to: Admission, key: object, calling: str = "CR", called: str = "US") -> Refused | None:
    """Ask for an association."""
    return to.enter(key, calling_ae_title=calling, called_ae_title=called)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({}, None),
        ({"calling_ae_titles": ("CR", "DX")}, None),
        ({"calling_ae_titles": ("DX",)}, Refused.CALLING_AE_TITLE),
        ({"called_ae_title": "US"}, None),
        ({"called_ae_title": "THEM"}, Refused.CALLED_AE_TITLE),
        ({"require_space": no_space}, Refused.TOO_LITTLE_SPACE),
        ({"places": OwnPlaces(0)}, Refused.TOO_MANY_ASSOCIATIONS),
        ({"places": OwnPlaces(0), "calling_ae_titles": ("DX",)}, Refused.CALLING_AE_TITLE),
    ],
)
def test_each_rule_refuses_for_its_reason(
    rules: dict[str, object], expected: Refused | None
) -> None:
    """A stranger is told so, whether or not there would be a place."""
    assert enter(admission(**rules), "one") is expected


def test_a_place_is_taken_until_it_is_given_back() -> None:
    """Once, however often it is given back; who was refused has none to give."""
    to = admission()
    assert [enter(to, key) for key in "abc"] == [None, None, Refused.TOO_MANY_ASSOCIATIONS]
    to.leave("c")
    assert enter(to, "d") is Refused.TOO_MANY_ASSOCIATIONS
    to.leave("a")
    to.leave("a")
    assert [enter(to, key) for key in "ef"] == [None, Refused.TOO_MANY_ASSOCIATIONS]


def test_what_may_pass_is_told_so() -> None:
    """Rejected transient, or senders give up (PS3.8 table 9-21)."""
    transient = {reason for reason, rejection in REJECTION_OF.items() if rejection.result == 2}
    assert transient == {Refused.TOO_MANY_ASSOCIATIONS, Refused.TOO_LITTLE_SPACE}
    assert REJECTION_OF.keys() == set(Refused)
