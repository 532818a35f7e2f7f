"""Where objects are sent, and how long we wait there."""

import ssl
from dataclasses import dataclass, field

from screening.settings import Peer
from screening.transport.tls import Credentials, client_context


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long each step may take, in seconds."""

    connection_s: float = 5.0
    """TCP connect."""
    acse_s: float = 10.0
    """Answer to the association request."""
    dimse_s: float = 30.0
    """Answer to one C-STORE, including the time that the object needs on the wire."""
    network_s: float = 30.0
    """Silence of the peer."""


@dataclass(frozen=True, slots=True)
class DicomDestination:
    """A Storage SCP. AE titles have 1 to 16 characters (PS3.5 section 6.2, VR AE)."""

    name: str
    host: str
    port: int
    ae_title: str
    calling_ae_title: str
    timeouts: Timeouts = field(default_factory=Timeouts)
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    """None for a plain connection."""
    tls_server_name: str = ""
    """The name in the peer's certificate, where that is not `host`."""


def configured_peer(
    peer: Peer, *, name: str, calling_ae_title: str, credentials: Credentials
) -> DicomDestination:
    """Return the address of a peer that the settings name, called `name` here.

    Raises SettingsError where it wants TLS and the files for it are not right.
    """
    return DicomDestination(
        name=name,
        host=peer.host,
        port=peer.port,
        ae_title=peer.ae_title,
        calling_ae_title=calling_ae_title,
        tls=client_context(credentials) if peer.tls else None,
        tls_server_name=peer.tls_server_name,
    )
