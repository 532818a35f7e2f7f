"""Addresses that may connect."""

import pytest

from screening.transport.addresses import AddressList, is_loopback


@pytest.mark.parametrize(
    ("networks", "address", "allowed"),
    [
        ((), "203.0.113.9", True),
        (("10.1.2.3",), "10.1.2.3", True),
        (("10.1.2.3",), "10.1.2.4", False),
        (("10.1.0.0/16", "192.168.0.0/24"), "10.1.255.255", True),
        (("10.1.0.0/16", "192.168.0.0/24"), "10.2.0.0", False),
        (("10.1.0.0/16",), "::ffff:10.1.2.3", True),
        (("fd00::/8",), "fd12:3456::1", True),
        (("fd00::/8",), "fe80::1%eth0", False),
        (("fd00::/8",), "10.1.2.3", False),
    ],
)
def test_an_address_is_in_the_list_or_not(
    networks: tuple[str, ...], address: str, *, allowed: bool
) -> None:
    """IPv4, IPv6, and IPv4 as an IPv6 socket sees it; an empty list holds everybody."""
    assert AddressList(networks).allows(address) is allowed


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("db", False)],  # noqa: S104  named
)
def test_loopback_is_this_machine_alone(host: str, *, expected: bool) -> None:
    """A name that is not known counts as reachable."""
    assert is_loopback(host) is expected
