"""HCI packets on a byte stream: the UART transport layer, "H4" (Vol 4, Part A, 2)."""

import asyncio
from typing import NamedTuple

COMMAND = 0x01
ACL_DATA = 0x02
EVENT = 0x04
ISO_DATA = 0x05

# Per packet type: the length of the header, and where in it how many bytes hold the length of the rest.
_HEADERS = {
    COMMAND: (3, 2, 1),
    ACL_DATA: (4, 2, 2),
    EVENT: (2, 1, 1),
    ISO_DATA: (4, 2, 2),
}


class Packet(NamedTuple):
    """One HCI packet: its H4 type, and the packet without that byte."""

    type: int
    body: bytes

    def to_bytes(self) -> bytes:
        return bytes([self.type]) + self.body


class FramingError(Exception):
    """A byte that is no packet type stands where a packet must begin: the stream cannot be followed further."""


async def read_packet(reader: asyncio.StreamReader) -> Packet:
    """
    Reads one packet, however finely the sender chopped it.

    Raises FramingError, and asyncio.IncompleteReadError at the end of the stream.
    """
    packet_type = (await reader.readexactly(1))[0]
    if packet_type not in _HEADERS:
        raise FramingError(f"0x{packet_type:02X} is not an H4 packet type")
    header_length, offset, size = _HEADERS[packet_type]
    header = await reader.readexactly(header_length)
    rest = int.from_bytes(header[offset : offset + size], "little")
    if packet_type == ISO_DATA:
        rest &= 0x3FFF
    return Packet(packet_type, header + await reader.readexactly(rest))
