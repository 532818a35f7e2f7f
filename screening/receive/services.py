"""What the SCP serves: each service is a file of its own that makes one `Service`.

`screening.receive.scp` lists them. Presentation contexts, checks of requests and pynetdicom's
handlers follow from the list.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pynetdicom.events import Event
from pynetdicom.presentation import PresentationContext, build_context

from screening.dimse.acceptor_dimse import Judge
from screening.dimse.messages import IgnoredMessage, PlainMessage, RefusedRequest
from screening.receive.command_set import ServedBy, judged
from screening.receive.operations import OPERATIONS

Handler = Callable[[Event], Any]
"""Answers a request in the form that pynetdicom's event for its operation asks for."""


@dataclass(frozen=True, slots=True)
class Service:
    """One service of the SCP."""

    sop_classes: tuple[str, ...]
    """Each has presentation contexts; a request on any of them may name any of them."""
    transfer_syntaxes: tuple[str, ...]
    """Supported for each SOP class."""
    handlers: Mapping[int, Handler] = field(default_factory=dict)
    """By Command Field: the operations that are served, each with its row in `OPERATIONS`."""
    files: Collection[int] = ()
    """Command Fields of operations whose data sets are written to files: C-STORE, without a
    handler here (`dimse.acceptor.Terms.store`)."""
    also_named: tuple[str, ...] = ()
    """SOP classes that requests may name besides, which have no presentation contexts here."""
    role_of_peer: Literal["scu", "scp"] | None = None
    """What the peer is, where both roles may be negotiated. Source: PS3.7 D.3.3.4."""


def contexts_of(services: Collection[Service]) -> list[PresentationContext]:
    """Return the presentation contexts that the SCP supports, one for each SOP class."""
    contexts: dict[str, PresentationContext] = {}
    for service in services:
        for sop_class in service.sop_classes:
            made = build_context(sop_class, list(service.transfer_syntaxes))
            context = contexts.setdefault(sop_class, made)
            if service.role_of_peer == "scu":
                context.scu_role = True
            elif service.role_of_peer == "scp":
                context.scp_role = True
    return list(contexts.values())


def bindings_of(services: Collection[Service]) -> list[tuple[object, ...]]:
    """Return the (event, handler) pairs for the server, one for each operation."""
    handlers = {
        (sop_class, operation): handler
        for service in services
        for sop_class in service.sop_classes
        for operation, handler in service.handlers.items()
    }

    def bound_to(operation: int) -> Handler:
        return lambda event: handlers[str(event.context.abstract_syntax), operation](event)

    operations = sorted({operation for _, operation in handlers})
    return [(OPERATIONS[one].event, bound_to(one)) for one in operations]


def judge_of(services: Collection[Service]) -> Judge:
    """Return the check of command sets against what these services serve."""
    served: dict[str, ServedBy] = {}
    for service in services:
        operations = frozenset([*service.handlers, *service.files])
        sop_classes = frozenset([*service.sop_classes, *service.also_named])
        for sop_class in service.sop_classes:
            before = served.get(sop_class, ServedBy(frozenset(), frozenset()))
            served[sop_class] = ServedBy(
                before.operations | operations, before.sop_classes | sop_classes
            )

    def judge(encoded: bytes, sop_class: str) -> PlainMessage | RefusedRequest | IgnoredMessage:
        return judged(encoded, served[sop_class])

    return judge
