"""How a request over HTTP reached this machine: by which name, through which proxy.

What asks nobody who they are is for this machine's own names alone: a page of another site could
otherwise have a browser here send requests, by letting its name point to this machine (DNS
rebinding), and a proxy put before it would let everybody in.
"""

import ipaddress
from collections.abc import Collection

FORWARDING_HEADERS = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")


def is_own_name(name: str, own_names: Collection[str]) -> bool:
    """Return whether the host that a request names is this machine, by loopback or one of these."""
    if name.lower() in own_names:
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
