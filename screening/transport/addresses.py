"""IP addresses: who may connect, and which are loopback."""

import ipaddress
from collections.abc import Collection


class AddressList:
    """IP addresses and networks that may connect; an empty list allows all."""

    def __init__(self, networks: Collection[str]) -> None:
        self._networks = [ipaddress.ip_network(network) for network in networks]

    def allows(self, address: str) -> bool:
        """Return whether a peer's address, IPv4 or IPv6, is in the list."""
        return not self._networks or self.names(address)

    def names(self, address: str) -> bool:
        """Return whether an address is in the list; an empty list contains none."""
        found = ipaddress.ip_address(address.partition("%")[0])
        if isinstance(found, ipaddress.IPv6Address):
            found = found.ipv4_mapped or found
        return any(found in network for network in self._networks)


def is_loopback(host: str) -> bool:
    """Return whether a host that is listened on can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
