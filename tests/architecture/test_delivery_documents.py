"""The documents say of each kind of delivery and each rendering what the program does."""

import re
from typing import Any

import pytest

from screening.delivery.entry import DestinationSettings
from screening.delivery.kind import KINDS, Ending
from screening.delivery.rendering import DICOM, RENDERINGS
from screening.delivery_kinds import hl7_mllp, stow_rs, webhook
from screening.storage_scu.outcomes import (
    REJECTION_RULES,
    STATUS_RULES,
    Outcome,
    rejection_rule,
)
from tests.architecture.test_documents import document, section, table_rows

WORDS_OF_OUTCOME = {
    Outcome.DELIVERED: "delivered",
    Outcome.RETRY: "tried again",
    Outcome.REFUSED: "parked",
}
WORDS_OF_ENDING = {
    Ending.DELIVERED: "delivered",
    Ending.RETRY: "tried again",
    Ending.REFUSED: "parked",
    Ending.PAUSED: "tried again, the destination is paused",
}
COMMON = tuple(DestinationSettings.model_fields)


def keys_of(heading: str) -> list[str]:
    """Return the keys in the first column of the table after a line of the configuration page."""
    text = document("docs/configuration.md")
    table = re.search(rf"^{re.escape(heading)}.*?\n\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert table, f"no table after {heading!r}"
    return [key for row in table_rows(table[1]) for key in re.findall(r"`(\w+)`", row[0])]


def meaning_of(key: str) -> list[str]:
    """Return the coded words in what the configuration page says of a key of all destinations."""
    [row] = [
        row
        for row in table_rows(section(document("docs/configuration.md"), "## Reporting"))
        if row[0] == f"`{key}`"
    ]
    return re.findall(r"`([a-z0-9_-]+)`", row[1])


@pytest.mark.parametrize("kind", KINDS.names())
def test_the_configuration_page_lists_the_keys_of_each_kind(kind: str) -> None:
    """Those that all destinations have stand before, once."""
    own = [key for key in KINDS.named(kind).settings.model_fields if key not in COMMON]
    assert sorted(keys_of(f'Keys of `kind = "{kind}"`')) == sorted(own)


def test_the_configuration_page_lists_what_all_destinations_have() -> None:
    """Their keys, every kind, and every rendering."""
    assert sorted(keys_of("A destination has these keys")) == sorted(COMMON)
    assert sorted(meaning_of("kind")) == KINDS.names()
    assert sorted(meaning_of("profile")) == RENDERINGS.names()


def test_the_conformance_statement_lists_every_dicom_rendering() -> None:
    """Its SOP class is one of those sent."""
    rows = table_rows(section(document("docs/conformance.md"), "### SOP classes sent"))
    sent = {row[2].strip("`"): row[1].strip("`") for row in rows}
    renderings = [one for one in RENDERINGS.all() if one.media_type == DICOM]
    assert sent == {one.name: one.sop_class_uid for one in renderings}


@pytest.mark.parametrize("kind", KINDS.names())
def test_each_kind_has_an_outcome_for_what_arrives_and_for_what_may_arrive_later(kind: str) -> None:
    """Otherwise its reports would be sent for ever, or once."""
    endings = set(KINDS.named(kind).outcomes.values())
    assert {Ending.DELIVERED, Ending.RETRY} <= endings


def test_the_conformance_statement_says_how_each_status_of_a_stored_report_ends() -> None:
    """Every rule on a destination's status, in the order in which they apply."""
    rows = table_rows(section(document("docs/conformance.md"), "### Statuses of stored reports"))
    assert rows == [
        [
            " to ".join(f"`0x{status:04X}`" for status in sorted({rule.first, rule.last})),
            WORDS_OF_OUTCOME[rule.outcome],
            rule.meaning,
        ]
        for rule in STATUS_RULES
    ]


@pytest.mark.parametrize(
    ("kind", "page", "heading"),
    [
        (stow_rs, "docs/conformance.md", "### STOW-RS as user agent"),
        (webhook, "docs/webhook.md", "## Answers"),
    ],
)
def test_a_page_says_how_each_answer_over_http_ends(kind: Any, page: str, heading: str) -> None:
    """Every rule on an HTTP status, in the order in which they apply."""
    assert table_rows(section(document(page), heading)) == [
        [
            " to ".join(str(status) for status in sorted({rule.first, rule.last})),
            WORDS_OF_ENDING[kind.OUTCOMES[rule.outcome]],
            rule.meaning,
        ]
        for rule in kind.HTTP_RULES
    ]


def test_the_page_on_hl7_says_how_each_acknowledgement_ends() -> None:
    """Every rule on MSA-1 and ERR-3, in the order in which they apply."""
    rows = table_rows(section(document("docs/hl7.md"), "## Acknowledgements"))
    assert rows == [
        [
            ", ".join(rule.codes),
            ", ".join(rule.errors) or "any, or none",
            WORDS_OF_ENDING[hl7_mllp.OUTCOMES[rule.outcome]],
            rule.meaning,
        ]
        for rule in hl7_mllp.ACKNOWLEDGEMENTS
    ]


def test_the_conformance_statement_says_what_rejections_of_ours_mean() -> None:
    """Every rule on an A-ASSOCIATE-RJ, then what holds of those that no rule names."""
    rows = table_rows(
        section(document("docs/conformance.md"), "### Rejections of our associations")
    )
    rules = [
        *((f"{source}, {reason}", rule) for (source, reason), rule in REJECTION_RULES.items()),
        ("any other, transient (2)", rejection_rule(2, 0, 0)),
        ("any other, permanent (1)", rejection_rule(1, 0, 0)),
    ]
    assert rows == [[key, WORDS_OF_OUTCOME[rule.outcome], rule.advice] for key, rule in rules]
