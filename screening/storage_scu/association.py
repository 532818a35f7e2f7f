"""One association with a Storage SCP, over which encoded objects are stored as they are.

pynetdicom's own send_c_store decodes and encodes every object anew, or needs file meta
information; `StorageAssociation.store` sends the stored bytes.
Source: DICOM PS3.4 annex B, PS3.7 9.1.1, PS3.8 section 7.
"""

import ssl
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import build_context, build_role
from pynetdicom.association import Association as PynetdicomAssociation
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import encode

from screening.dimse.data_set_files import send_from_file
from screening.dimse.plain_answer import MAXIMUM_PDU_BYTES
from screening.dimse.requestor import (
    GuardedEntity,
    exchange,
    failure_of_connection,
    fault_of_answer,
    unread_answer,
)
from screening.errors import UnreadableDataSetError
from screening.imaging.quiet import quiet
from screening.storage_scu.destination import DicomDestination
from screening.storage_scu.objects import EncodedObject
from screening.storage_scu.outcomes import Outcome, rejection_rule

MEDIUM_PRIORITY = 0
LARGEST_MESSAGE_ID = 0xFFFF
ACCEPTED = 0
"""An association. Source: PS3.8 7.1.1.7."""

LITTLE_ENDIAN_UNCOMPRESSED = (str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian))
"""Syntaxes between which an object may be re-encoded without touching its pixels."""


@dataclass(frozen=True, slots=True, order=True)
class Context:
    """A presentation context: SOP class and the one transfer syntax proposed for it.

    One syntax each, or the peer would choose and an object would have to be re-encoded.
    """

    sop_class_uid: str
    transfer_syntax_uid: str


class NotAssociatedError(Exception):
    """There is no association; `outcome` says what that means for the objects."""

    def __init__(self, outcome: Outcome, comment: str) -> None:
        super().__init__(comment)
        self.outcome = outcome
        self.comment = comment


@dataclass(frozen=True, slots=True)
class Answer:
    """The peer's answer to one C-STORE; status is None where none came."""

    status: int | None
    error_comment: str
    reencoded: bool


def contexts_of(found: EncodedObject) -> tuple[Context, ...]:
    """Return the contexts an object can be sent in: its own first, then one it converts to."""
    own = found.transfer_syntax_uid
    others = [uid for uid in LITTLE_ENDIAN_UNCOMPRESSED if uid != own]
    syntaxes = [own, *others] if own in LITTLE_ENDIAN_UNCOMPRESSED else [own]
    return tuple(Context(found.sop_class_uid, syntax) for syntax in syntaxes)


@contextmanager
def associate(
    destination: DicomDestination, contexts: Collection[Context]
) -> "Iterator[StorageAssociation]":
    """Open an association, and release it at the end. Takes and raises what `opened` does."""
    association = _established(destination, contexts)
    storage = StorageAssociation(association)
    try:
        yield storage
    finally:
        if storage.is_established:
            association.release()


@contextmanager
def opened(
    destination: DicomDestination,
    contexts: Collection[Context],
    *,
    as_scp: Collection[str] = (),
    handlers: Collection[tuple[object, ...]] = (),
) -> Iterator[PynetdicomAssociation]:
    """Open an association of pynetdicom's, and release it at the end.

    contexts: 1 to 128; as_scp: SOP classes whose SCP we are, though we ask for the association
    (PS3.7 D.3.3.4); handlers: pynetdicom's (event, handler) pairs for what the peer sends.
    Raises NotAssociatedError where there is no connection, no answer in time, a rejection, or no
    accepted context.
    """
    association = _established(destination, contexts, as_scp=as_scp, handlers=handlers)
    try:
        yield association
    finally:
        if association.is_established:
            association.release()


def _established(
    destination: DicomDestination,
    contexts: Collection[Context],
    *,
    as_scp: Collection[str] = (),
    handlers: Collection[tuple[object, ...]] = (),
) -> PynetdicomAssociation:
    entity = GuardedEntity(destination.calling_ae_title)
    entity.connection_timeout = destination.timeouts.connection_s
    entity.acse_timeout = destination.timeouts.acse_s
    entity.dimse_timeout = destination.timeouts.dimse_s
    entity.network_timeout = destination.timeouts.network_s
    association = entity.associate(
        destination.host,
        destination.port,
        contexts=[build_context(c.sop_class_uid, c.transfer_syntax_uid) for c in contexts],
        ae_title=destination.ae_title,
        max_pdu=MAXIMUM_PDU_BYTES,
        tls_args=_tls_arguments(destination),
        ext_neg=[build_role(sop_class, scp_role=True) for sop_class in as_scp],
        evt_handlers=list(handlers),
    )
    if not association.is_established:
        raise _not_associated(destination, association)
    return association


def _tls_arguments(destination: DicomDestination) -> tuple[ssl.SSLContext, str] | None:
    if destination.tls is None:
        return None
    return destination.tls, destination.tls_server_name or destination.host


def _not_associated(
    destination: DicomDestination, association: PynetdicomAssociation
) -> NotAssociatedError:
    peer = f"{destination.name} ({destination.host}:{destination.port})"
    answer = association.acceptor.primitive or unread_answer(association)
    if answer is not None and answer.result != ACCEPTED:
        rule = rejection_rule(answer.result, answer.result_source, answer.diagnostic)
        return NotAssociatedError(
            rule.outcome, f"{peer} rejected the association: {answer.reason_str}; {rule.advice}"
        )
    if association.acceptor.primitive is not None and not association.accepted_contexts:
        return NotAssociatedError(
            Outcome.REFUSED,
            f"{peer} accepted none of the proposed presentation contexts; "
            "make it accept these SOP classes and transfer syntaxes",
        )
    if failure := failure_of_connection(association):
        return NotAssociatedError(
            Outcome.RETRY,
            f"{peer} cannot be reached: {failure}; "
            "check that it runs, and that host, port and TLS are right",
        )
    if fault := fault_of_answer(association):
        return NotAssociatedError(
            Outcome.RETRY,
            f"{peer} answers an association request in a way that cannot be used: {fault}; "
            "tell its manufacturer",
        )
    return NotAssociatedError(
        Outcome.RETRY,
        f"{peer} aborts or does not answer an association request; "
        "check that it is a DICOM application entity, and whether it expects TLS",
    )


class StorageAssociation:
    """An established association."""

    def __init__(self, association: PynetdicomAssociation) -> None:
        self._association = association
        self._message_id = 0
        self._ended = False
        self._context_ids = {
            Context(str(context.abstract_syntax), str(context.transfer_syntax[0])): int(
                context.context_id
            )
            for context in association.accepted_contexts
        }

    @property
    def is_established(self) -> bool:
        """Whether another object can be sent over it."""
        return not self._ended and bool(self._association.is_established)

    def echo(self) -> int | None:
        """Send a C-ECHO; return the answer's status, None where none came. Source: PS3.4 A."""
        status = self._association.send_c_echo()
        return getattr(status, "Status", None)

    def context_for(self, found: EncodedObject) -> Context | None:
        """Return the accepted context to send an object in, None where there is none."""
        return next((c for c in contexts_of(found) if c in self._context_ids), None)

    def store(self, found: EncodedObject, context: Context) -> Answer:
        """Send one object and wait for the answer.

        The bytes of the data set go out as stored, unless `context` has another transfer syntax.
        Raises UnreadableDataSetError where a file is gone or an object to be re-encoded is damaged.
        """
        request = C_STORE()
        self._message_id = self._message_id % LARGEST_MESSAGE_ID + 1
        request.MessageID = self._message_id
        request.Priority = MEDIUM_PRIORITY
        request.AffectedSOPClassUID = found.sop_class_uid
        request.AffectedSOPInstanceUID = found.sop_instance_uid
        reencoded = context.transfer_syntax_uid != found.transfer_syntax_uid
        if reencoded:
            request.DataSet = BytesIO(_reencoded(found, context.transfer_syntax_uid))
        elif isinstance(found.location, Path):
            _check_readable(found.location)
            send_from_file(request, found.location, found.data_set_offset)
        else:
            request.DataSet = BytesIO(found.location[found.data_set_offset :])
        response = exchange(self._association, request, self._context_ids[context])
        # pynetdicom says so only when its reactor has come to the peer's abort.
        self._ended = "Status" not in response
        return Answer(
            status=response.get("Status"),
            error_comment=str(response.get("ErrorComment") or ""),
            reencoded=reencoded,
        )


def _check_readable(path: Path) -> None:
    try:
        path.open("rb").close()
    except OSError as error:
        raise UnreadableDataSetError(f"the file cannot be read ({error.strerror})") from None


def _reencoded(found: EncodedObject, transfer_syntax_uid: str) -> bytes:
    source = found.location if isinstance(found.location, Path) else BytesIO(found.location)
    with quiet():
        try:
            data_set = dcmread(source, force=True)
            implicit = transfer_syntax_uid == ImplicitVRLittleEndian
            encoded: bytes | None = encode(data_set, implicit, is_little_endian=True)
        except Exception as error:  # noqa: BLE001  whatever a damaged data set provokes
            raise UnreadableDataSetError(
                f"the data set cannot be re-encoded ({type(error).__name__})"
            ) from None
    if encoded is None:
        raise UnreadableDataSetError("the data set cannot be re-encoded for the peer's syntax")
    return encoded
