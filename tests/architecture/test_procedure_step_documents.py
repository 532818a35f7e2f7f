"""What the documents say of Unified Procedure Steps is what the program does."""

import re

from screening.domain.procedure_step import (
    ACTIONS,
    STATUS_COMMENTS,
    STEP_PRIORITIES,
    UPS_PULL,
    UPS_WATCH,
    EventType,
    StepState,
    UpsStatus,
)
from tests.architecture.test_documents import document, section, table_rows

CONFORMANCE = "### Unified Procedure Steps as SCP"


def test_the_conformance_statement_lists_every_status() -> None:
    """Each with its Error Comment."""
    rows = table_rows(section(document("docs/conformance.md"), CONFORMANCE))
    shown = {row[0].strip("`"): row[1] for row in rows if row[0].startswith("`0x")}
    assert shown == {
        f"0x{status:04X}": STATUS_COMMENTS.get(status, "").strip() for status in UpsStatus
    }


def test_the_conformance_statement_lists_actions_and_events() -> None:
    """Of each SOP class, by their IDs."""
    rows = dict(table_rows(section(document("docs/conformance.md"), CONFORMANCE))[:5])
    for name, sop_class in (("Pull", UPS_PULL), ("Watch", UPS_WATCH)):
        actions = rows[name].split("N-ACTION", 1)[1]
        assert [int(one) for one in re.findall(r"(\d) \(", actions)] == list(ACTIONS[sop_class])
    events = rows["Event"].split(", by us")[0]
    assert [int(one) for one in re.findall(r"(\d) \(", events)] == list(EventType)


def test_the_page_lists_states_and_priorities() -> None:
    """In the standard's words and those of the list."""
    rows = table_rows(section(document("docs/ups.md"), "## A step is a turn at reading a study"))
    assert [row[0] for row in rows[: len(StepState)]] == list(StepState)
    shown = {word: row[0] for row in rows[len(StepState) :] for word in row[1].split(", ")}
    assert {word: STEP_PRIORITIES[word] for word in STEP_PRIORITIES} == {
        word: shown[word] for word in STEP_PRIORITIES
    }
