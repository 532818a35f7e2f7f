"""The PROXY protocol: a TCP proxy sends the client's address before the client's own bytes.

Source: "The PROXY protocol", versions 1 and 2, sections 2.1 and 2.2 (haproxy.org, 2020).
"""

import ipaddress
import re
import struct
from collections.abc import Callable

Endpoint = tuple[str, int]
"""IP address and port."""
Receive = Callable[[int], bytes]
"""Reads exactly so many bytes."""

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
START_OF_VERSION_1 = b"PROXY "
BEGINNINGS = (START_OF_VERSION_1, SIGNATURE[:6])
"""Neither can begin an A-ASSOCIATE-RQ or a TLS handshake."""
LONGEST_VERSION_1_BYTES = 107
LONGEST_VERSION_2_BYTES = 4096
"""Of addresses and TLVs; the longest addresses take 216."""
_VERSION_1 = re.compile(
    rb"PROXY (?:UNKNOWN(?: [ -~]*)?"
    rb"|TCP([46]) ([0-9A-Fa-f.:]+) [0-9A-Fa-f.:]+ (\d{1,5}) \d{1,5})\r\n"
)
_LOCAL, _PROXY = 0x20, 0x21
_UNSPECIFIED = 0x00
_ADDRESSES = {0x11: struct.Struct(">4s4sHH"), 0x21: struct.Struct(">16s16sHH")}
"""By family and transport: TCP over IPv4 and over IPv6."""
_LARGEST_PORT = 0xFFFF


class ProxyHeaderError(Exception):
    """A PROXY header is absent or malformed; the text says what was expected."""


def read_proxy_header(receive: Receive) -> Endpoint | None:
    """Read a PROXY header, and not a byte more; return the client that it names.

    None where it names none (UNKNOWN, LOCAL: the proxy speaks for itself, as its health checks do).
    Raises ProxyHeaderError, and whatever `receive` raises.
    """
    beginning = receive(len(SIGNATURE))
    if beginning == SIGNATURE:
        return _version_2(receive)
    if beginning.startswith(START_OF_VERSION_1):
        return _version_1(beginning, receive)
    raise ProxyHeaderError(
        "expected a PROXY header from this trusted proxy, found none; "
        "switch it on there (haproxy: send-proxy-v2)"
    )


def _version_1(beginning: bytes, receive: Receive) -> Endpoint | None:
    line = beginning
    while not line.endswith(b"\r\n"):
        if len(line) >= LONGEST_VERSION_1_BYTES:
            raise ProxyHeaderError("a PROXY header of version 1 that does not end")
        line += receive(1)
    match = _VERSION_1.fullmatch(line)
    if match is None:
        raise ProxyHeaderError("a PROXY header of version 1 that cannot be read")
    family, address, port = match.groups()
    return _endpoint(int(family), address.decode("ascii"), int(port)) if family else None


def _version_2(receive: Receive) -> Endpoint | None:
    command, family, length = struct.unpack(">BBH", receive(4))
    if length > LONGEST_VERSION_2_BYTES:
        raise ProxyHeaderError("a PROXY header of version 2 that is too long")
    content = receive(length)
    if command == _LOCAL or (command == _PROXY and family == _UNSPECIFIED):
        return None
    layout = _ADDRESSES.get(family)
    if command != _PROXY or layout is None or length < layout.size:
        raise ProxyHeaderError("a PROXY header of version 2 that names no TCP connection")
    source, _, port, _ = layout.unpack_from(content)
    return str(_unmapped(ipaddress.ip_address(source))), port


def _endpoint(family: int, text: str, port: int) -> Endpoint:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise ProxyHeaderError("a PROXY header without an IP address") from None
    if address.version != family or port > _LARGEST_PORT:
        raise ProxyHeaderError("a PROXY header with an address of another kind than it says")
    return str(_unmapped(address)), port


def _unmapped(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
