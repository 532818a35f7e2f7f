"""Why an association is rejected, and how the A-ASSOCIATE-RJ says so. Source: PS3.8 9.3.4."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

REJECTED_PERMANENT, REJECTED_TRANSIENT = 1, 2
SERVICE_USER, SERVICE_PROVIDER_ACSE, SERVICE_PROVIDER_PRESENTATION = 1, 2, 3


class Refused(StrEnum):
    """Why an association is rejected."""

    CALLING_AE_TITLE = "calling AE title not recognized"
    CALLED_AE_TITLE = "called AE title not recognized"
    APPLICATION_CONTEXT = "application context name not supported"
    PROTOCOL_VERSION = "protocol version not supported"
    TOO_MANY_ASSOCIATIONS = "too many associations"
    TOO_LITTLE_SPACE = "too little space in the spool"


@dataclass(frozen=True, slots=True)
class Rejection:
    """Result, source and reason of an A-ASSOCIATE-RJ."""

    result: int
    source: int
    diagnostic: int


TEMPORARY_CONGESTION = Rejection(REJECTED_TRANSIENT, SERVICE_PROVIDER_PRESENTATION, 1)

REJECTION_OF: Mapping[Refused, Rejection] = {
    Refused.CALLING_AE_TITLE: Rejection(REJECTED_PERMANENT, SERVICE_USER, 3),
    Refused.CALLED_AE_TITLE: Rejection(REJECTED_PERMANENT, SERVICE_USER, 7),
    Refused.APPLICATION_CONTEXT: Rejection(REJECTED_PERMANENT, SERVICE_USER, 2),
    Refused.PROTOCOL_VERSION: Rejection(REJECTED_PERMANENT, SERVICE_PROVIDER_ACSE, 2),
    Refused.TOO_MANY_ASSOCIATIONS: TEMPORARY_CONGESTION,
    Refused.TOO_LITTLE_SPACE: TEMPORARY_CONGESTION,
}
