"""N-EVENT-REPORT: a destination tells us, on an association of its own, which reports it keeps.

Source: PS3.4 J.3.3; statuses of PS3.7 10.1.1.1.8.
"""

from pynetdicom import evt
from pynetdicom.events import Event
from sqlalchemy.exc import SQLAlchemyError

from screening.db.commitment_scu_answers import record_answer
from screening.db.session import Database
from screening.domain.commitment import CommitmentAnswer
from screening.errors import TransientError
from screening.logs import get_logger
from screening.receive.statuses import INVALID_ARGUMENT_VALUE, RESOURCE_LIMITATION, SUCCESS
from screening.storage_scu.commitment_scu import status_of_report

log = get_logger()


class CommitmentAnswerHandler:
    """Takes destinations' answers to our requests for commitment."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def bindings(self) -> list[tuple[object, ...]]:
        """Return the (event, handler) pairs for the server."""
        return [(evt.EVT_N_EVENT_REPORT, self._told)]

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
