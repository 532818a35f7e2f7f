"""Asks an SCP whether it is there."""

from dataclasses import replace

from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom.sop_class import Verification

from screening.storage_scu.association import Context, NotAssociatedError, associate
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
