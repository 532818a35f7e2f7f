"""What people who log in to the worklist page, and programs with a token, may do."""

from collections.abc import Mapping
from enum import StrEnum


class Role(StrEnum):
    """What a visitor may do; people have one of `PAGE_ROLES`, programs any."""

    MONITOR = "monitor"
    """See results and metrics, no patient attribute and no picture."""
    VIEWER = "viewer"
    """See what readers see; change nothing."""
    READER = "reader"
    """Besides, claim studies, mark them read, give feedback."""
    OPERATOR = "operator"
    """Besides, have reports sent or made again, decide corrections, end others' claims."""


class Right(StrEnum):
    """What a role consists of."""

    SEE_RESULTS = "see results"
    SEE_PATIENTS = "see patients"
    READ_STUDIES = "read studies"
    OPERATE = "operate"


RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.MONITOR: frozenset({Right.SEE_RESULTS}),
    Role.VIEWER: frozenset({Right.SEE_RESULTS, Right.SEE_PATIENTS}),
    Role.READER: frozenset({Right.SEE_RESULTS, Right.SEE_PATIENTS, Right.READ_STUDIES}),
    Role.OPERATOR: frozenset(Right),
}
PAGE_ROLES = (Role.READER, Role.OPERATOR)
"""Of people; on the page everybody sees patients."""
