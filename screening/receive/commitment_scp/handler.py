"""N-ACTION: a peer requests commitment to objects that it sent.

It is answered with Success when its row is committed; the reporter does the rest.
Source: PS3.4 J.3.2; statuses of PS3.7 10.1.4.1.10.
"""

from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.events import Event
from sqlalchemy.exc import SQLAlchemyError

from screening.db.session import Database
from screening.domain.commitment import (
    COMMITMENT_PUSH_MODEL,
    COMMITMENT_PUSH_MODEL_INSTANCE,
    REQUEST_STORAGE_COMMITMENT,
    CommitmentRequested,
)
from screening.errors import TransientError, UnreadableDataSetError
from screening.imaging.quiet import quiet
from screening.logs import get_logger
from screening.receive.commitment_scp.reporter import CommitmentReporter
from screening.receive.commitment_scp.requests import add_request
from screening.receive.services import Service
from screening.receive.statuses import (
    INVALID_ARGUMENT_VALUE,
    NO_SUCH_ACTION,
    NO_SUCH_INSTANCE,
    RESOURCE_LIMITATION,
    SUCCESS,
)
from screening.storage_scu.commitment_messages import read_request
from screening.transport.command_elements import N_ACTION

log = get_logger()


class CommitmentRequestHandler:
    """Takes peers' requests for commitment."""

    def __init__(self, database: Database, reporter: CommitmentReporter) -> None:
        self._database = database
        self._reporter = reporter

    def service(self) -> Service:
        """Return the service: the peer is SCU."""
        return Service(
            sop_classes=(COMMITMENT_PUSH_MODEL,),
            transfer_syntaxes=(str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian)),
            handlers={N_ACTION: self._asked},
            role_of_peer="scu",
        )

    def _asked(self, event: Event) -> tuple[int, None]:
        title = str(event.assoc.requestor.ae_title).strip()
        status, reason = SUCCESS, ""
        try:
            status, reason = self._take(event, title)
        except UnreadableDataSetError as error:
            status, reason = INVALID_ARGUMENT_VALUE, str(error)
        except TransientError as error:
            status, reason = RESOURCE_LIMITATION, str(error)
        except SQLAlchemyError as error:
            status, reason = RESOURCE_LIMITATION, type(error).__name__
        if status != SUCCESS:
            log.warning(
                "commitment_request_refused",
                calling_ae_title=title,
                status=f"0x{status:04X}",
                reason=reason,
            )
        return status, None

    def _take(self, event: Event, title: str) -> tuple[int, str]:
        request = event.request
        if request.RequestedSOPInstanceUID != COMMITMENT_PUSH_MODEL_INSTANCE:
            return NO_SUCH_INSTANCE, "not the well-known SOP instance of the push model"
        if request.ActionTypeID != REQUEST_STORAGE_COMMITMENT:
            return NO_SUCH_ACTION, "not the action type 1"
        asked = _requested(event)
        request_id = add_request(self._database, title, asked)
        self._reporter.expect(request_id, event.assoc)
        log.info(
            "commitment_requested",
            calling_ae_title=title,
            transaction_uid=asked.transaction_uid,
            references=len(asked.references),
        )
        return SUCCESS, ""


def _requested(event: Event) -> CommitmentRequested:
    try:
        with quiet():
            information = event.action_information
    except Exception as error:  # noqa: BLE001  pynetdicom decodes when asked, and raises anything
        raise UnreadableDataSetError(
            f"expected Action Information, found none that can be read ({type(error).__name__})"
        ) from None
    return read_request(information)
