"""What an acceptor of associations says, as bytes: right answers to begin with."""

import struct

from pydicom.dataset import Dataset
from pynetdicom.dimse_messages import C_STORE_RSP
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RJ, P_DATA_TF
from pynetdicom.pdu_primitives import A_ASSOCIATE

ABORT, P_DATA = 0x07, 0x04
RELEASE_RP_PDU = struct.pack(">BxI4x", 0x06, 4)
ABORT_PDU = struct.pack(">BxIxxBB", ABORT, 4, 0, 0)
COMMAND, LAST = 1, 2
MAXIMUM_PDU_BYTES = 16384


def acceptance(request: A_ASSOCIATE, *, result: int) -> bytes:
    """Return an A-ASSOCIATE-AC with one result for every proposed context. Source: PS3.8 9.3.3."""
    answer = A_ASSOCIATE()
    answer.application_context_name = request.application_context_name
    answer.calling_ae_title = request.calling_ae_title
    answer.called_ae_title = request.called_ae_title
    answer.result, answer.result_source = 0, 1
    contexts = request.presentation_context_definition_list
    for context in contexts:
        context.result = result
    answer.presentation_context_definition_results_list = contexts
    answer.user_information = [
        item
        for item in request.user_information
        if type(item).__name__
        in {"MaximumLengthNotification", "ImplementationClassUIDNotification"}
    ]
    encoded: bytes = A_ASSOCIATE_AC(answer).encode()
    return encoded


def rejection(request: A_ASSOCIATE, *, result: int, source: int, diagnostic: int) -> bytes:
    """Return an A-ASSOCIATE-RJ. Source: PS3.8 9.3.4."""
    request.result, request.result_source, request.diagnostic = result, source, diagnostic
    encoded: bytes = A_ASSOCIATE_RJ(request).encode()
    return encoded


def response(
    command: Dataset, context_id: int, answer: tuple[int, str] | None, *, shift: int = 0
) -> bytes:
    """Return a C-STORE response in P-DATA-TFs. Source: PS3.7 9.3.1.2.

    answer: status and Error Comment, None to leave out the status; shift: added to the Message ID
    being responded to.
    """
    said = C_STORE()
    message_id: int = command.MessageID
    said.MessageIDBeingRespondedTo = message_id + shift
    said.AffectedSOPClassUID = command.AffectedSOPClassUID
    said.AffectedSOPInstanceUID = command.AffectedSOPInstanceUID
    said.Status = 0 if answer is None else answer[0]
    if answer and answer[1]:
        said.ErrorComment = answer[1]
    message = C_STORE_RSP()
    message.primitive_to_message(said)
    if answer is None:
        del message.command_set.Status
    encoded = b""
    for primitive in message.encode_msg(context_id, MAXIMUM_PDU_BYTES):
        encoded += P_DATA_TF(primitive).encode()
    return encoded


def p_data(context_id: int, command_set: bytes) -> bytes:
    """Return a P-DATA-TF with a whole command set. Source: PS3.8 9.3.5 and annex E."""
    value = bytes([context_id, COMMAND | LAST]) + command_set
    content = struct.pack(">I", len(value)) + value
    return struct.pack(">BxI", P_DATA, len(content)) + content
