"""Storage Commitment as SCP, where the N-EVENT-REPORT needs a new association.

Source: PS3.4 annex J.
"""

from screening.domain.commitment import (
    COMMITMENT_PUSH_MODEL,
    COMMITMENT_PUSH_MODEL_INSTANCE,
    CommitmentAnswer,
)
from screening.storage_scu.association import opened
from screening.storage_scu.commitment_messages import (
    CONTEXTS,
    answer_information,
    status_of_response,
)
from screening.storage_scu.destination import DicomDestination


def report_commitment(peer: DicomDestination, answer: CommitmentAnswer) -> int | None:
    """Report to a peer on a new association what we commit to; return its status.

    We open the association as SCP, so that role is proposed (PS3.7 D.3.3.4). A peer that accepts
    the context without negotiating roles gets the report as well, since modalities do so.
    None: it gave no answer. Raises NotAssociatedError.
    """
    with opened(peer, CONTEXTS, as_scp=[COMMITMENT_PUSH_MODEL]) as association:
        return status_of_response(
            association.send_n_event_report,
            answer_information(answer),
            answer.event_type,
            COMMITMENT_PUSH_MODEL,
            COMMITMENT_PUSH_MODEL_INSTANCE,
        )
