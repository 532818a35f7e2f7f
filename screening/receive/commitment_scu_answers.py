"""N-EVENT-REPORT: a destination reports, on its own association, which reports it commits to.

Source: PS3.4 J.3.3; statuses of PS3.7 10.1.1.1.8.
"""

from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.events import Event
from sqlalchemy.exc import SQLAlchemyError

from screening.db.commitment_scu_answers import record_answer
from screening.db.session import Database
from screening.domain.commitment import COMMITMENT_PUSH_MODEL, CommitmentAnswer
from screening.errors import TransientError
from screening.logs import get_logger
from screening.receive.services import Service
from screening.receive.statuses import INVALID_ARGUMENT_VALUE, RESOURCE_LIMITATION, SUCCESS
from screening.storage_scu.commitment_scu import status_of_report
from screening.transport.command_elements import N_EVENT_REPORT

log = get_logger()


class CommitmentAnswerHandler:
    """Takes destinations' answers to our requests for commitment."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def service(self) -> Service:
        """Return the service: the peer, which opened the association, is SCP."""
        return Service(
            sop_classes=(COMMITMENT_PUSH_MODEL,),
            transfer_syntaxes=(str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian)),
            handlers={N_EVENT_REPORT: self._told},
            role_of_peer="scp",
        )

    def _told(self, event: Event) -> tuple[int, None]:
        return status_of_report(event, self._record), None

    def _record(self, answer: CommitmentAnswer) -> int:
        try:
            known = record_answer(self._database, answer)
        except (TransientError, SQLAlchemyError) as error:
            log.warning("commitment_answer_not_recorded", reason=type(error).__name__)
            return RESOURCE_LIMITATION
        log.info(
            "commitment_answered",
            transaction_uid=answer.transaction_uid,
            committed=len(answer.committed),
            failed=len(answer.failed),
            known=bool(known),
        )
        return SUCCESS if known else INVALID_ARGUMENT_VALUE
