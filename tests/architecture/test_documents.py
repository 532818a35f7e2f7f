"""The documents and the program say the same."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from pydicom.uid import UID
from typer.core import TyperGroup

from screening.cli.main import app
from screening.dimse import acceptor_dimse, guarded_dimse, pdu_limits
from screening.dimse.rejections import REJECTION_OF
from screening.domain.commitment import (
    COMMITMENT_PUSH_MODEL,
    FAILURE_RULES,
    NotCommitted,
    WhatNext,
)
from screening.domain.eligibility import Reason
from screening.domain.failures import FailureReason
from screening.domain.procedure_step import UPS_PULL, UPS_QUERY, UPS_WATCH
from screening.imaging.pixels.decode import CANDIDATE_TRANSFER_SYNTAXES
from screening.ops.retention import KeptFor
from screening.receive import scp
from screening.receive.objects.sop_classes import STORAGE_SOP_CLASSES
from screening.receive.statuses import STATUS_OF_ERROR, UNEXPECTED
from screening.renderings.structured_report.codes import CLASS_CODES, PRIORITY_CODES
from screening.settings import PREFIX, Settings
from screening.transport.tls import TLS_1_2_CIPHER_SUITES

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/*.md")])
LONGEST_SUMMARY = 58
"""Characters, beside the longest name of a group."""
COMMAND_IN_TEXT = re.compile(r"`screening ([a-z][a-z -]*[a-z])")


def commands(command: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield every command that does something, with its words."""
    command = command or typer.main.get_command(app)
    if not isinstance(command, TyperGroup):
        yield " ".join(path), command
        return
    if command.invoke_without_command:
        yield " ".join(path), command
    context = typer.Context(command)
    for name in command.list_commands(context):
        yield from commands(command.get_command(context, name), (*path, name))


COMMANDS = dict(commands())


def document(name: str) -> str:
    """Return the text of one document."""
    return (ROOT / name).read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """Return what stands under one heading, up to the next of the same depth."""
    marks = heading.split(" ", 1)[0]
    found = re.search(
        rf"^{re.escape(heading)}$(.*?)(?=^#{{1,{len(marks)}}} |\Z)", text, re.MULTILINE | re.DOTALL
    )
    assert found, f"no heading {heading!r}"
    return found[1]


def table_rows(text: str) -> list[list[str]]:
    """Return the cells of every table row below the tables' heads."""
    rows = [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    rules = {index for index, row in enumerate(rows) if set("".join(row)) <= set("-: ")}
    return [row for index, row in enumerate(rows) if not {index, index + 1} & rules]


def test_the_page_of_commands_names_each_once() -> None:
    """The tables of docs/commands.md are the program's commands."""
    listed = [
        match
        for row in table_rows(document("docs/commands.md"))
        for match in COMMAND_IN_TEXT.findall(row[0])
    ]
    assert sorted(listed) == sorted(COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_has_an_example(name: str) -> None:
    """Every command's help shows how it is called, with its own name."""
    text = COMMANDS[name].help or ""
    assert "Example:" in text
    assert f"screening {name}" in text.split("Example:")[1]


def test_the_list_of_commands_says_each_in_a_whole_sentence() -> None:
    """The first sentence of a help text fits beside its name, on a terminal of 80 columns."""
    cut = {
        name: said
        for name, command in COMMANDS.items()
        if (said := command.get_short_help_str(LONGEST_SUMMARY)).endswith("...")
    }
    assert cut == {}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_documents_name_only_commands_and_variables_that_exist(path: Path) -> None:
    """A command or variable that a document tells a reader to use is there."""
    text = path.read_text(encoding="utf-8")
    groups = {name.split(" ", 1)[0] for name in COMMANDS}
    unknown = {
        words
        for words in COMMAND_IN_TEXT.findall(text)
        if not any(f"{words} ".startswith(f"{name} ") for name in (*COMMANDS, *groups))
    }
    variables = {PREFIX + name.upper() for name in Settings.model_fields}
    variables |= {"SCREENING_CONFIG", "SCREENING_DATA"}
    assert unknown == set()
    assert set(re.findall(r"SCREENING_[A-Z][A-Z_]*[A-Z]", text)) - variables <= {"SCREENING_UP"}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_between_files_lead_somewhere(path: Path) -> None:
    """A relative link names a file of the repository."""
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_the_configuration_page_lists_every_setting() -> None:
    """Variable, default and meaning in docs/configuration.md are those of the program."""
    listed = {row[0]: row[1:3] for row in table_rows(document("docs/configuration.md"))}
    expected = {
        f"`{PREFIX}{name.upper()}`": [shown_default(name), Settings.model_fields[name].description]
        for name in Settings.model_fields
    }
    assert {key: listed.get(key) for key in expected} == expected
    extra = {key for key in listed if key.startswith(f"`{PREFIX}")} - expected.keys()
    assert extra == {"`SCREENING_CONFIG`"}


def shown_default(name: str) -> str:
    """Return a default as the page writes it."""
    value = Settings.model_fields[name].default
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return "empty" if value in (None, "", ()) else f"`{value}`"


def test_the_conformance_statement_lists_the_sop_classes_received() -> None:
    """`STORAGE_SOP_CLASSES`, Verification, Storage Commitment and Unified Procedure Steps."""
    rows = table_rows(section(document("docs/conformance.md"), "### SOP classes received"))
    assert {row[1].strip("`"): row[0] for row in rows} == {
        "1.2.840.10008.1.1": "Verification",
        **{uid: UID(uid).name for uid in (COMMITMENT_PUSH_MODEL, UPS_PULL, UPS_WATCH, UPS_QUERY)},
        **STORAGE_SOP_CLASSES,
    }


def test_the_conformance_statement_lists_the_transfer_syntaxes() -> None:
    """Exactly the syntaxes that this project tries to decode are candidates, by their names."""
    rows = table_rows(section(document("docs/conformance.md"), "### Transfer syntaxes received"))
    assert {row[1].strip("`"): row[0] for row in rows} == {
        str(uid): UID(uid).name for uid in CANDIDATE_TRANSFER_SYNTAXES
    }


def test_the_conformance_statement_lists_the_statuses() -> None:
    """Each error's status and Error Comment are the program's."""
    rows = table_rows(section(document("docs/conformance.md"), "### C-STORE statuses"))
    listed = {row[2].strip("`"): (row[0].strip("`"), row[1]) for row in rows}
    expected = {
        error.__name__: (f"0x{refusal.status:04X}", refusal.comment)
        for error, refusal in STATUS_OF_ERROR.items()
    }
    expected["any other"] = (f"0x{UNEXPECTED.status:04X}", UNEXPECTED.comment)
    assert listed == {"none": ("0x0000", "")} | expected


def test_the_conformance_statement_lists_what_failed_commitments_lead_to() -> None:
    """Every Failure Reason that we give or understand is there, and what follows from it."""
    text = document("docs/conformance.md")
    given = section(text, "### Storage Commitment as SCP")
    taken = section(text, "### Storage Commitment and query as SCU")
    assert set(FAILURE_RULES) == set(NotCommitted)
    for reason, rule in FAILURE_RULES.items():
        [said] = [row[1] for row in table_rows(taken) if f"0x{reason:04X}" in row[0]]
        assert WORDS_OF_NEXT[rule.what_next] in said
        if reason in GIVEN:
            assert f"| `0x{reason:04X}` |" in given


GIVEN = (
    NotCommitted.PROCESSING_FAILURE,
    NotCommitted.NO_SUCH_INSTANCE,
    NotCommitted.CLASS_INSTANCE_CONFLICT,
    NotCommitted.DUPLICATE_TRANSACTION_UID,
)
WORDS_OF_NEXT = {
    WhatNext.SEND_AGAIN: "sent again",
    WhatNext.ASK_AGAIN: "asked again later",
    WhatNext.PARK: "parked",
}


def test_the_conformance_statement_gives_the_limits_of_associations() -> None:
    """PDU size and timeouts are those the SCP sets."""
    text = section(document("docs/conformance.md"), "### Association policies")
    values = {row[0]: row[1] for row in table_rows(text)}
    assert values["Maximum PDU received"].startswith(f"{pdu_limits.MAXIMUM_PDU_BYTES} bytes;")
    largest = f"{pdu_limits.LARGEST_ASSOCIATION_REQUEST_BYTES} bytes;"
    assert values["Largest A-ASSOCIATE-RQ"].startswith(largest)
    assert values["PDU timeout"].startswith(f"{pdu_limits.PDU_TIMEOUT_S} s ")
    message = values["Largest message but C-STORE"]
    assert f"set {guarded_dimse.LARGEST_COMMAND_SET_BYTES} bytes" in message
    assert f"set {acceptor_dimse.LARGEST_DATA_SET_IN_MEMORY_BYTES} bytes" in message
    assert values["ACSE timeout"] == f"{scp.ACSE_TIMEOUT_S} s"
    assert values["DIMSE timeout"] == f"{scp.DIMSE_TIMEOUT_S} s"
    assert values["Network timeout"] == f"{scp.NETWORK_TIMEOUT_S} s"


def test_the_conformance_statement_lists_the_rejections() -> None:
    """Each reason for an A-ASSOCIATE-RJ is there with its three numbers."""
    rows = table_rows(section(document("docs/conformance.md"), "### Association rejections"))
    assert {row[0]: tuple(map(int, row[1:])) for row in rows} == {
        reason: (one.result, one.source, one.diagnostic) for reason, one in REJECTION_OF.items()
    }


def test_the_conformance_statement_names_the_cipher_suites() -> None:
    """Those of TLS 1.2 that are offered, by their IANA names."""
    text = section(document("docs/conformance.md"), "### TLS")
    assert set(re.findall(r"TLS_ECDHE_\w+", text)) == {
        re.sub(r"(\w+)-(\w+)-AES(\d+)-GCM-(\w+)", r"TLS_\1_\2_WITH_AES_\3_GCM_\4", name)
        for name in TLS_1_2_CIPHER_SUITES
    }


def test_the_conformance_statement_lists_the_codes() -> None:
    """Classes and priorities carry the codes that the report writes."""
    text = document("docs/conformance.md")
    for code in (*CLASS_CODES.values(), *PRIORITY_CODES.values()):
        assert f"({code.value}, {code.scheme_designator}, {code.meaning})" in text


def test_the_conformance_statement_names_no_uid_that_is_unknown() -> None:
    """Every standard UID in the statement is in DICOM's registry (PS3.6 annex A)."""
    uids = set(re.findall(r"`(1\.2\.840\.10008\.[\d.]+\d)`", document("docs/conformance.md")))
    assert uids
    assert {uid for uid in uids if UID(uid).name == uid} == set()


@pytest.mark.parametrize("why", KeptFor)
def test_the_runbook_says_how_long_retention_keeps_an_image(why: str) -> None:
    """An operator whose images stay finds out what they wait for."""
    kept = table_rows(section(document("docs/runbook.md"), "## Retention"))
    assert why in {row[0] for row in kept}


@pytest.mark.parametrize("reason", [*Reason, *FailureReason])
def test_the_runbook_explains_every_reason(reason: str) -> None:
    """An operator who meets a coded reason finds it in the runbook."""
    assert f"`{reason}`" in document("docs/runbook.md")
