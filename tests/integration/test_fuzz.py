"""Damaged PDUs, damaged objects and odd requests: what comes of them is what the product says.

The short form, the same inputs every time, and all that once found something; `make test-fuzz` is
the full one.
"""

from pathlib import Path

import pytest

from tests.fuzz.findings import Findings, corpus_of
from tests.fuzz.guide import try_some
from tests.fuzz.pdu_target import some_pdus

pytestmark = pytest.mark.integration
CONVERSATIONS = 288
INPUTS = {"objects": 300, "page": 300}


def test_damaged_conversations_leave_the_scp_as_it_was(tmp_path: Path) -> None:
    """It lives, answers C-ECHO, and has no more threads, files, memory or half objects than before.

    Nor does it log an error that nobody thought of.
    """
    row = some_pdus(tmp_path, Findings(tmp_path / "findings"), inputs=CONVERSATIONS)
    assert row.findings == ()
    assert row.inputs >= CONVERSATIONS


@pytest.mark.parametrize("target", INPUTS)
def test_damaged_inputs_end_as_documented(target: str, tmp_path: Path) -> None:
    """In one of the errors that the product names, within limits of time and memory."""
    findings = Findings(tmp_path / "findings")
    row = try_some(target, tmp_path, findings, inputs=INPUTS[target])
    assert row.findings == ()
    assert row.inputs >= INPUTS[target] + len(list(corpus_of(target)))
