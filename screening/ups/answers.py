"""Every request has an answer: who may ask, and which status an error becomes."""

from collections.abc import Callable, Collection, Iterator
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom.events import Event
from sqlalchemy.exc import SQLAlchemyError

from screening.dimse.messages import MAX_COMMENT_CHARACTERS
from screening.domain.procedure_step import STATUS_COMMENTS, UpsStatus
from screening.errors import TransientError
from screening.imaging.quiet import quiet
from screening.logs import get_logger

Answer = tuple[UpsStatus, Dataset | None]
"""A status, and the data set that goes with it."""
log = get_logger()


class RefusedError(Exception):
    """A request that is answered with a failure. comment: in place of the status's own."""

    def __init__(self, status: UpsStatus, comment: str = "") -> None:
        super().__init__(comment or STATUS_COMMENTS.get(status, ""))
        self.status = status


class Answers:
    """Answers requests of the AEs that may ask."""

    def __init__(self, calling_ae_titles: Collection[str]) -> None:
        self._calling_ae_titles = frozenset(calling_ae_titles)

    def one(self, handle: Callable[[Event], Answer]) -> Callable[[Event], tuple[Dataset, Any]]:
        """Return a handler of a DIMSE-N operation."""

        def answer(event: Event) -> tuple[Dataset, Any]:
            try:
                self._require_known(event)
                with quiet():
                    status, data_set = handle(event)
            except Exception as error:  # noqa: BLE001  whatever it is, the peer gets an answer
                return self._refusal(event, error, UpsStatus.RESOURCE_LIMITATION), None
            return response(status, STATUS_COMMENTS.get(status, "")), data_set

        return answer

    def many(
        self, handle: Callable[[Event], Iterator[Answer]]
    ) -> Callable[[Event], Iterator[tuple[Dataset, Dataset | None]]]:
        """Return a handler of C-FIND, which may be canceled between two matches."""

        def answer(event: Event) -> Iterator[tuple[Dataset, Dataset | None]]:
            try:
                self._require_known(event)
                for status, data_set in handle(event):
                    if event.is_cancelled:
                        yield response(UpsStatus.CANCELED_BY_SCU, ""), None
                        return
                    yield response(status, ""), data_set
            except Exception as error:  # noqa: BLE001  as above
                yield self._refusal(event, error, UpsStatus.OUT_OF_RESOURCES), None

        return answer

    def _require_known(self, event: Event) -> None:
        if title_of(event) not in self._calling_ae_titles:
            raise RefusedError(UpsStatus.NOT_AUTHORIZED)

    def _refusal(self, event: Event, error: Exception, later: UpsStatus) -> Dataset:
        """Return the response to a request that failed, and log it. later: ask again later."""
        unexpected = None
        if isinstance(error, RefusedError):
            status, reason = error.status, str(error)
        elif isinstance(error, TransientError | SQLAlchemyError):
            status, reason = later, "the database is unavailable, ask again later"
        else:
            status, unexpected = UpsStatus.PROCESSING_FAILURE, error
            reason = STATUS_COMMENTS[status]
        log.warning(
            "ups_request_refused",
            calling_ae_title=title_of(event),
            operation=type(event.request).__name__.replace("_", "-"),
            status=f"0x{status:04X}",
            reason=reason,
            exc_info=unexpected,
        )
        return response(status, reason)


def title_of(event: Event) -> str:
    """Return the calling AE title."""
    return str(event.assoc.requestor.ae_title).strip()


def response(status: UpsStatus, comment: str) -> Dataset:
    """Return the command elements of a response that say how it went."""
    made = Dataset()
    made.Status = int(status)
    if comment:
        made.ErrorComment = comment[:MAX_COMMENT_CHARACTERS]
    return made


def decoded(decode: Callable[[], Dataset], status: UpsStatus) -> Dataset:
    """Return a request's data set, read to its end; refuse with this status one that cannot be."""
    try:
        with quiet():
            data_set = decode()
            for _ in data_set.iterall():
                pass  # pydicom decodes an element when it is asked for
    except Exception:  # noqa: BLE001  whatever a damaged data set provokes in the parser
        raise RefusedError(status) from None
    return data_set
