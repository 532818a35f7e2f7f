"""Asks an SCP whether it is there, and which SOP classes it would accept."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom.sop_class import Verification

from screening.storage_scu.association import (
    LITTLE_ENDIAN_UNCOMPRESSED,
    Context,
    NotAssociatedError,
    StorageAssociation,
    associate,
    opened,
)
from screening.storage_scu.destination import DicomDestination, Timeouts

SUCCESS = 0x0000


def answers_echo(destination: DicomDestination, *, timeout_s: float) -> bool:
    """Return whether a peer takes an association and answers a C-ECHO with Success.

    timeout_s: for the connection and for each answer. Source: PS3.4 annex A.
    """
    patient = Timeouts(timeout_s, timeout_s, timeout_s, timeout_s)
    context = Context(str(Verification), str(ImplicitVRLittleEndian))
    try:
        with associate(replace(destination, timeouts=patient), [context]) as association:
            return association.echo() == SUCCESS
    except NotAssociatedError:
        return False


@dataclass(frozen=True, slots=True)
class Verified:
    """What an SCP answers that accepts an association."""

    accepted: frozenset[str]
    """UIDs of the SOP classes that it accepts, of those that were proposed."""
    echo_status: int | None
    """Of a C-ECHO; None where it gave none."""


def verify(destination: DicomDestination, sop_class_uids: Collection[str]) -> Verified:
    """Propose SOP classes in both uncompressed transfer syntaxes, and send a C-ECHO.

    Verification is proposed as well. Raises NotAssociatedError. Source: PS3.4 annex A.
    """
    contexts = [
        Context(sop_class_uid, syntax)
        for sop_class_uid in (str(Verification), *sop_class_uids)
        for syntax in LITTLE_ENDIAN_UNCOMPRESSED
    ]
    with opened(destination, contexts) as association:
        accepted = {str(context.abstract_syntax) for context in association.accepted_contexts}
        echo_status = StorageAssociation(association).echo() if Verification in accepted else None
        return Verified(frozenset(accepted.intersection(sop_class_uids)), echo_status)
