"""PROXY headers, versions 1 and 2: what they name, what they may not be, what is left unread."""

import io
import ipaddress
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screening.receive.connections.proxy_header import (
    LONGEST_VERSION_2_BYTES,
    SIGNATURE,
    Endpoint,
    ProxyHeaderError,
    read_proxy_header,
)

NEXT = b"\x01\x00 what the client says itself"


def version_2(
    source: str, *, command: int = 0x21, family: int | None = None, further: bytes = b""
) -> bytes:
    """Return a header of version 2 for a connection from port 50123."""
    address = ipaddress.ip_address(source)
    if family is None:
        family = 0x11 if address.version == 4 else 0x21
    content = address.packed + address.packed + struct.pack(">HH", 50123, 11112) + further
    return SIGNATURE + struct.pack(">BBH", command, family, len(content)) + content


def read(sent: bytes) -> tuple[Endpoint | None, bytes]:
    """Return what a header names, and what is left of the stream."""
    stream = io.BytesIO(sent)

    def receive(size: int) -> bytes:
        data = stream.read(size)
        if len(data) < size:
            raise ConnectionError
        return data

    return read_proxy_header(receive), stream.read()


@pytest.mark.parametrize(
    ("header", "named"),
    [
        (b"PROXY TCP4 10.1.2.3 10.1.2.99 50123 104\r\n", ("10.1.2.3", 50123)),
        (b"PROXY TCP6 fd00::7 fd00::1 50123 104\r\n", ("fd00::7", 50123)),
        (b"PROXY TCP6 ::ffff:10.1.2.3 ::1 50123 104\r\n", ("10.1.2.3", 50123)),
        (b"PROXY UNKNOWN\r\n", None),
        (b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", None),
        (version_2("10.1.2.3"), ("10.1.2.3", 50123)),
        (version_2("fd00::7"), ("fd00::7", 50123)),
        (version_2("::ffff:10.1.2.3"), ("10.1.2.3", 50123)),
        (version_2("10.1.2.3", further=b"\x04\x00\x03\x00\x00\x00" * 50), ("10.1.2.3", 50123)),
        (version_2("10.1.2.3", command=0x20), None),
        (SIGNATURE + b"\x20\x00\x00\x00", None),
        (SIGNATURE + b"\x21\x00\x00\x00", None),
    ],
)
def test_a_header_names_the_client(header: bytes, named: Endpoint | None) -> None:
    """Or nobody, and not a byte of what follows is taken."""
    assert read(header + NEXT) == (named, NEXT)


@pytest.mark.parametrize(
    "header",
    [
        b"\x01\x00\x00\x00\x00\xcd an association request",
        b"PROXY TCP4 10.1.2.3 10.1.2.99 50123\r\n",
        b"PROXY TCP4 fd00::7 fd00::1 50123 104\r\n",
        b"PROXY TCP6 10.1.2.3 10.1.2.99 50123 104\r\n",
        b"PROXY TCP4 10.1.2.300 10.1.2.99 50123 104\r\n",
        b"PROXY TCP4 10.1.2.3 10.1.2.99 70000 104\r\n",
        b"PROXY TCP4 10.1.2.3 10.1.2.99 -1 104\r\n",
        b"PROXY UDP4 10.1.2.3 10.1.2.99 50123 104\r\n",
        b"PROXY  TCP4 10.1.2.3 10.1.2.99 50123 104\r\n",
        b"PROXY TCP4 10.1.2.3 10.1.2.99 50123 104\n" + NEXT * 10,
        b"PROXY UNKNOWN " + b"x" * 200 + b"\r\n",
        b"PROXY UNKNOWN \x00\x07\r\n",
        b"proxy tcp4 10.1.2.3 10.1.2.99 50123 104\r\n",
        version_2("10.1.2.3", command=0x22),
        version_2("10.1.2.3", command=0x11),
        version_2("10.1.2.3", family=0x12),
        version_2("10.1.2.3", family=0x31),
        version_2("10.1.2.3", family=0x21),
        SIGNATURE + b"\x21\x11\x00\x0b" + bytes(11),
        version_2("10.1.2.3", further=bytes(LONGEST_VERSION_2_BYTES)),
    ],
)
def test_what_is_no_header_is_refused(header: bytes) -> None:
    """Absent, of UDP or UNIX sockets, of another family than it says, or too long."""
    with pytest.raises(ProxyHeaderError):
        read(header + NEXT)


@pytest.mark.parametrize("header", [b"PROXY TCP4 10.1.2.3 10.1.2.99 5\r\n", version_2("10.1.2.3")])
def test_a_header_may_be_cut_anywhere(header: bytes) -> None:
    """The end of the connection is told as such, and as nothing else."""
    for size in range(len(header)):
        with pytest.raises((ConnectionError, ProxyHeaderError)):
            read(header[:size])


@given(st.binary(max_size=300), st.sampled_from([b"", b"PROXY ", SIGNATURE, SIGNATURE + b"\x21"]))
def test_any_bytes_name_an_address_or_nobody(rest: bytes, beginning: bytes) -> None:
    """Whatever a proxy sends, an IP address comes of it, or one of two errors."""
    try:
        named, _ = read(beginning + rest)
    except (ConnectionError, ProxyHeaderError):
        return
    assert named is None or ipaddress.ip_address(named[0])
