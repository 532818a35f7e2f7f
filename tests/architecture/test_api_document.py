"""docs/api.md says what the program does: its problems, its roles, and whom it shows patients."""

from pathlib import Path

from screening.domain.roles import RIGHTS, Right
from screening.worklist.api.bodies import LARGEST_BODY_BYTES
from screening.worklist.api.problems import MEANINGS
from screening.worklist.api.study_models import PATIENT_ATTRIBUTES
from tests.architecture.test_documents import section, table_rows

DOCUMENT = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")


def test_the_page_lists_every_problem() -> None:
    """With its status, its title and what to do."""
    told = table_rows(section(DOCUMENT, "## Problems"))
    assert told == [
        [f"`{name}`", str(one.status), one.title, one.remedy] for name, one in MEANINGS.items()
    ]


def test_the_page_gives_the_rights_of_each_role() -> None:
    """As the table of `screening.domain.roles`."""
    told = [row[:-1] for row in table_rows(section(DOCUMENT, "## Tokens"))]
    assert told == [
        [f"`{role}`", *("yes" if right in rights else "no" for right in Right)]
        for role, rights in RIGHTS.items()
    ]


def test_the_page_says_what_is_of_a_patient_and_how_large_a_body_may_be() -> None:
    """Each attribute by its member's name."""
    told = section(DOCUMENT, "## What stays")
    assert [name for name in PATIENT_ATTRIBUTES if f"`{name}`" not in told] == []
    assert f"at most {LARGEST_BODY_BYTES // 1024} KiB" in told
