"""Examines a spooled object, if it still is what was kept."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from screening.domain.eligibility import EligibilityRules
from screening.domain.failures import FailureReason
from screening.ensemble.examination import Examined, Failed, Prepared, examine, guarded
from screening.spool.store import Spool

DAMAGED = Failed(FailureReason.SPOOL_FILE_DAMAGED, "expected the digest it was kept under")


def examine_kept(
    spool: Spool,
    sha256: str,
    rules: EligibilityRules,
    prepare: Callable[[NDArray[np.uint8]], Prepared],
) -> Examined[Prepared]:
    """Examine the spooled object of this digest. Never raises."""

    def examination() -> Examined[Prepared]:
        if not spool.is_undamaged(sha256):
            return DAMAGED
        return examine(spool.path_of(sha256), rules, prepare)

    return guarded(examination)
