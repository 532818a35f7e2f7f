"""Every protocol by its name."""

import difflib
from collections.abc import Mapping

from training.errors import TrainingError
from training.protocols.amini2021 import AMINI2021
from training.protocols.khan2020 import KHAN2020
from training.protocols.protocol import Protocol
from training.protocols.rahimzadeh2020 import RAHIMZADEH2020
from training.protocols.release import RELEASE
from training.protocols.soares2020 import SOARES2020
from training.protocols.unseen import UNSEEN

PROTOCOLS: Mapping[str, Protocol] = {
    protocol.name: protocol
    for protocol in (*RAHIMZADEH2020, *KHAN2020, *SOARES2020, *AMINI2021, *RELEASE, *UNSEEN)
}


def find_protocol(name: str) -> Protocol:
    """Return the protocol of this name; raises TrainingError naming similar ones."""
    if name in PROTOCOLS:
        return PROTOCOLS[name]
    near = difflib.get_close_matches(name, PROTOCOLS, n=3, cutoff=0.4)
    raise TrainingError(
        f"expected the name of a protocol, found {name!r}; "
        + (f"did you mean {' or '.join(near)}? " if near else "")
        + "`screening train list` names all"
    )
