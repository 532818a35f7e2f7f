"""Rules say where a result goes: by what is known, by what is not, and never by chance."""

from typing import Any

import pytest

from screening.delivery.route_check import SiteNames, problems
from screening.delivery.routing import (
    HOLDS_AN_EARLIER_ONE,
    Fit,
    ResultFacts,
    Route,
    Routing,
    known_modality,
)

RESULT = ResultFacts(
    calling_ae_title="CR1",
    modality="CR",
    priority="STAT",
    bundle="covid-cxr@3",
    trained="true",
    calibrated="false",
    state="first",
)
SITE = SiteNames(["pacs", "ris", "hook"], ["reports-folder"], ["CR1", "CR2", "DX1"])


def route(name: str = "one", *to: str, **keys: Any) -> Route:
    """Return a rule as the settings read it."""
    return Route.model_validate({"name": name, "to": to or ("pacs",), **keys})


def fit(facts: ResultFacts = RESULT, **keys: Any) -> tuple[Fit, str]:
    """Return what one rule says of a result."""
    [verdict] = Routing((route(**keys),)).choose(facts, ["pacs"]).verdicts
    return verdict.fit, verdict.why


def test_without_rules_every_result_goes_everywhere() -> None:
    """As it was before there were any."""
    assert list(Routing().choose(ResultFacts(), ["pacs", "ris"]).reasons) == ["pacs", "ris"]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, (Fit.YES, "it asks for nothing")),
        ({"calling_ae_titles": ["CR1"]}, (Fit.YES, "calling AE title is CR1")),
        ({"calling_ae_titles": ["CR*"]}, (Fit.YES, "calling AE title is CR1")),
        ({"calling_ae_titles": ["cr1"]}, (Fit.NO, "calling AE title is CR1, not cr1")),
        ({"calling_ae_titles": ["CR", "C?1", "[C]R1"]}, (Fit.NO, None)),
        ({"modalities": ["DX"]}, (Fit.NO, "modality is CR, not DX")),
        ({"priorities": ["STAT", "HIGH"]}, (Fit.YES, "priority is STAT")),
        ({"priorities": ["LOW", "MEDIUM"]}, (Fit.NO, "priority is STAT, not LOW or MEDIUM")),
        ({"bundles": ["covid-cxr@*"]}, (Fit.YES, "bundle is covid-cxr@3")),
        ({"bundles": ["covid-cxr"]}, (Fit.NO, None)),
        ({"trained": True}, (Fit.YES, "trained is true")),
        ({"trained": False}, (Fit.NO, "trained is true, not false")),
        ({"calibrated": True}, (Fit.NO, "calibrated is false, not true")),
        ({"states": ["again"]}, (Fit.NO, "state is first, not again")),
        (
            {"modalities": ["CR"], "priorities": ["LOW"], "trained": False},
            (Fit.NO, "priority is STAT, not LOW; trained is true, not false"),
        ),
    ],
)
def test_a_rule_fits_where_all_that_it_asks_for_is_there(
    keys: dict[str, Any], expected: tuple[Fit, str | None]
) -> None:
    """It says what it found, or all that is wrong; `*` alone stands for others."""
    found = fit(**keys)
    assert found[0] == expected[0]
    assert expected[1] in {None, found[1]}


def test_what_is_not_known_leaves_a_rule_open_unless_it_is_wrong_already() -> None:
    """The priority of what is not classified yet."""
    facts = ResultFacts(modality="CR")
    asked = {"priorities": ["STAT"], "calling_ae_titles": ["CR1"]}
    why = "if calling AE title is CR1 and priority is STAT"
    assert fit(facts, **asked) == (Fit.DEPENDS, why)
    assert fit(facts, **asked, modalities=["DX"])[0] is Fit.NO
    chosen = Routing((route(**asked),)).choose(facts, ["pacs", "ris"])
    assert (chosen.reasons, chosen.possible) == ({}, {"pacs": "by one"})


def test_all_rules_that_fit_count_and_one_may_stand_for_the_rest() -> None:
    """`otherwise` fits where no other rule does, and what it asks for is there."""
    urgent = route("urgent", "ris", priorities=["STAT"])
    cr = route("cr", "pacs", "ris", modalities=["CR"])
    rest = route("rest", "hook", otherwise=True)
    table = Routing((urgent, cr, rest))
    names = ["pacs", "ris", "hook"]
    assert table.choose(RESULT, names).reasons == {"pacs": "by cr", "ris": "by urgent, cr"}
    dx = ResultFacts(modality="DX", priority="LOW")
    assert table.choose(dx, names).reasons == {"hook": "by rest"}
    unknown = table.choose(ResultFacts(modality="DX"), names)
    assert (unknown.reasons, set(unknown.possible)) == ({}, {"ris", "hook"})
    choosy = Routing((urgent, route("rest", "hook", otherwise=True, modalities=["CR"])))
    assert choosy.choose(dx, names).reasons == {}


def test_who_holds_an_earlier_report_gets_the_one_that_supersedes_it() -> None:
    """Also where the rules would send it elsewhere; and some destinations get everything."""
    table = Routing((route("urgent", "ris", priorities=["STAT"]),), frozenset({"reports-folder"}))
    low = ResultFacts(priority="LOW", state="again")
    chosen = table.choose(low, ["pacs", "ris", "reports-folder"], holders={"ris"})
    assert chosen.reasons["ris"] == HOLDS_AN_EARLIER_ONE
    assert set(chosen.reasons) == {"ris", "reports-folder"}


def test_a_modality_that_is_none_is_not_repeated() -> None:
    """It may be a name."""
    assert [known_modality(text) for text in ("CR", "", "DOE^JANE")] == [
        "CR", "", "(not a standard term)",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("routes", "complaint"),
    [
        ([route(), route("one", "ris")], "expected unique names, found twice: ['one']"),
        (
            [route("one", "pax")],
            "one: expected a destination, of which there are pacs, ris, hook; found pax",
        ),
        ([route("one", "reports-folder")], "one: reports-folder gets every result"),
        ([route(modalities=["CR", "CT"])], "one: no image of modality CT is classified"),
        ([route(calling_ae_titles=["CR*", "MR1"])], "one: nobody may send as MR1"),
        (
            [route(), route("rest", "ris", otherwise=True)],
            "rest: it can never fit, since one always does",
        ),
        ([route(modalities=["CR"]), route("two")], "one: it adds nothing to two"),
        ([route(), route("two")], "two: it adds nothing to one"),
        (
            [route(calling_ae_titles=["CR*"]), route("two", calling_ae_titles=["CR1"])],
            "two: it adds nothing to one",
        ),
    ],
)
def test_a_table_that_is_wrong_is_said_to_be(routes: list[Route], complaint: str) -> None:
    """Once, naming the rule."""
    [found] = problems(routes, SITE)
    assert found.startswith(complaint)


def test_a_table_that_is_right_is_left_alone() -> None:
    """Rules that overlap are none that add nothing."""
    routes = [
        route("cr", "pacs", modalities=["CR"]),
        route("urgent", "pacs", "ris", priorities=["STAT"]),
        route("room", "hook", calling_ae_titles=["CR1"], modalities=["CR"]),
        route("rest", "hook", otherwise=True),
    ]
    assert problems(routes, SITE) == []
