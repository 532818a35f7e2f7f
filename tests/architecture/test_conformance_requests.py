"""What the conformance statement says of bad requests is what the program does."""

from screening.receive.command_set import (
    DATA_SET_ENDED_EARLY,
    NO_MESSAGE_ID,
    NO_SUCH_OPERATION,
)
from screening.receive.operations import NAMES, OPERATIONS
from tests.architecture.test_documents import document, section, table_rows


def test_the_conformance_statement_lists_what_command_sets_must_have() -> None:
    """Every operation that is served, each of its parameters, and the status without it."""
    text = section(document("docs/conformance.md"), "### Requests refused by their command set")
    rows = [
        (row[0], row[1].split(";")[0].split(":")[0], row[2].strip("`")) for row in table_rows(text)
    ]
    expected = {
        ("any", "Message ID", f"0x{NO_MESSAGE_ID.status:04X}"),
        ("any", "the operation", f"0x{NO_SUCH_OPERATION.status:04X}"),
        (
            "any",
            "its data set does not end before the next message begins",
            f"0x{DATA_SET_ENDED_EARLY.status:04X}",
        ),
    }
    for operation in OPERATIONS.values():
        expected |= {
            (operation.name, NAMES[tag], f"0x{status:04X}")
            for tag, status in operation.parameters.items()
        }
        other = f"0x{operation.other_class:04X}"
        expected.add((operation.name, "SOP class not received here", other))
    assert set(rows) == expected
    assert len(rows) == len(expected)
