"""The server that starts a guarded association once its request is read."""

import threading
import time
from collections.abc import Collection
from copy import deepcopy
from socket import socket
from typing import Any

from pynetdicom import AE, evt
from pynetdicom.presentation import PresentationContext
from pynetdicom.transport import AddressInformation, ThreadedAssociationServer

from screening.dimse.acceptor import GuardedAssociation, Terms
from screening.dimse.guarded_socket import GuardedSocket
from screening.dimse.pdu_limits import PDU_TIMEOUT_S


class AssociationServer(ThreadedAssociationServer):  # type: ignore[misc]  # pynetdicom has no types
    """Listens, and starts associations; a subclass decides who gets one."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        ae: AE,
        address: tuple[str, int],
        contexts: list[PresentationContext],
        handlers: list[tuple[object, ...]],
        terms: Terms,
    ) -> None:
        """Listen on `address`. Raises OSError where that is not possible."""
        self._terms = terms
        super().__init__(ae, address, ae.ae_title, contexts, evt_handlers=handlers)

    def serve_in_thread(self) -> None:
        """Accept connections in a thread of its own, until `AE.shutdown`."""
        self.ae._servers.append(self)  # noqa: SLF001  as its own start_server does: shutdown looks there
        threading.Thread(target=self.serve_forever, name="scp-accept", daemon=True).start()

    def start_association(
        self, connection: socket, peer: Any, request_pdu: bytes, unusable_contexts: Collection[str]
    ) -> None:
        """Do what pynetdicom's RequestHandler does, with our classes.

        peer: (host, port), and more for IPv6; request_pdu: the whole A-ASSOCIATE-RQ in plain form;
        unusable_contexts: in words, why presentation contexts of it cannot be negotiated.
        """
        association = GuardedAssociation(self.ae, self._terms, unusable_contexts)
        association._server = self  # noqa: SLF001
        association.name = f"AcceptorThread@{time.strftime('%Y%m%d%H%M%S')}"
        association.set_socket(
            GuardedSocket(
                association,
                pdu_timeout_s=PDU_TIMEOUT_S,
                connection=connection,
                received=request_pdu,
            )
        )
        acceptor = association.acceptor
        acceptor.maximum_length = self.ae.maximum_pdu_size
        acceptor.ae_title = self.ae_title
        acceptor.address_info = AddressInformation.from_tuple(self.server_address)
        acceptor.implementation_class_uid = self.ae.implementation_class_uid
        acceptor.implementation_version_name = self.ae.implementation_version_name
        acceptor.supported_contexts = deepcopy(self.contexts)
        association.requestor.address_info = AddressInformation.from_tuple(peer)
        for event, bound in self._handlers.items():
            if not event.is_intervention:
                for handler, arguments in bound:
                    association.bind(event, handler, arguments)
            elif bound:
                association.bind(event, *bound)
        evt.trigger(association, evt.EVT_CONN_OPEN, {"address": peer})
        association.start()
