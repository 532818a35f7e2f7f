"""C-ECHO: a peer asks whether we are there. Source: PS3.4 annex A."""

from pynetdicom import DEFAULT_TRANSFER_SYNTAXES
from pynetdicom.events import Event
from pynetdicom.sop_class import Verification

from screening.receive.services import Service
from screening.receive.statuses import SUCCESS
from screening.transport.command_elements import C_ECHO


def verification() -> Service:
    """Return the service: every echo is a success."""
    return Service(
        sop_classes=(str(Verification),),
        transfer_syntaxes=tuple(DEFAULT_TRANSFER_SYNTAXES),
        handlers={C_ECHO: _echo},
    )


def _echo(event: Event) -> int:
    del event
    return SUCCESS
