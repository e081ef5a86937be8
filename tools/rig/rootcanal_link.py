"""
Controllers by rootcanal, Android's virtual controller, joined by a radio without losses.

rootcanal's wheel also brings a server, but that one listens on all interfaces and sends each packet in two
TCP segments, which costs 40 ms a command; here the wheel's library runs inside this process instead.
"""

import asyncio
import ctypes
from collections.abc import Callable

import h4
from rootcanal.binaries import get_package_binary_resource_path

TICK_SECONDS = 0.005
RSSI_DBM = -60

# Link layer packets of rootcanal: type, source address, destination address, payload.
_LL_DISCONNECT = 0x05
_LL_CONNECT = 0x0C
_LL_CONNECT_COMPLETE = 0x0D

# Vol 1, Part F, 2.8: what a host sees when its peer's radio falls silent.
_CONNECTION_TIMEOUT = 0x08

_SendHci = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.POINTER(ctypes.c_ubyte), ctypes.c_size_t)
_SendLinkLayer = ctypes.CFUNCTYPE(
    None, ctypes.POINTER(ctypes.c_ubyte), ctypes.c_size_t, ctypes.c_int, ctypes.c_int
)


def _load_library() -> ctypes.CDLL:
    library = ctypes.CDLL(get_package_binary_resource_path("librootcanal_ffi.so"))
    library.ffi_controller_new.restype = ctypes.c_void_p
    library.ffi_controller_new.argtypes = [ctypes.c_char_p, _SendHci, _SendLinkLayer]
    library.ffi_controller_delete.argtypes = [ctypes.c_void_p]
    library.ffi_controller_tick.argtypes = [ctypes.c_void_p]
    library.ffi_controller_receive_hci.argtypes = [
        ctypes.c_void_p,
        ctypes.c_int,
        ctypes.c_char_p,
        ctypes.c_size_t,
    ]
    library.ffi_controller_receive_ll.argtypes = [
        ctypes.c_void_p,
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.c_int,
        ctypes.c_int,
    ]
    return library


class RootcanalLink:
    """The radio: what one controller sends reaches all others."""

    def __init__(self) -> None:
        self._library = _load_library()
        self._controllers: set[RootcanalController] = set()
        self._clock = asyncio.get_running_loop().create_task(self._tick())

    def attach(self, address: str, send: Callable[[h4.Packet], None]) -> "RootcanalController":
        """Creates a controller with this public address; `send` takes its packets to the host."""
        controller = RootcanalController(self._library, self, address, send)
        self._controllers.add(controller)
        return controller

    def broadcast(self, sender: "RootcanalController", packet: bytes, phy: int) -> None:
        # Not at once: a controller must not be entered again while it is sending.
        loop = asyncio.get_running_loop()
        for receiver in self._controllers - {sender}:
            loop.call_soon(receiver.receive_link_layer, packet, phy)

    def remove(self, controller: "RootcanalController") -> None:
        self._controllers.discard(controller)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            for controller in list(self._controllers):
                controller.tick()


class RootcanalController:
    """One controller. It lives as long as its host's socket."""

    def __init__(
        self,
        library: ctypes.CDLL,
        link: RootcanalLink,
        address: str,
        send: Callable[[h4.Packet], None],
    ) -> None:
        self._library = library
        self._link = link
        self._send = send
        # Pairs of own and peer address, both as in a packet, that have a connection.
        self._connections: set[tuple[bytes, bytes]] = set()
        # The library keeps only the bare function pointers: these references keep them valid.
        self._callbacks = (_SendHci(self._on_hci), _SendLinkLayer(self._on_link_layer))
        little_endian = bytes.fromhex(address.replace(":", ""))[::-1]
        self._instance: int | None = library.ffi_controller_new(little_endian, *self._callbacks)

    def receive(self, packet: h4.Packet) -> None:
        """Takes a packet from the host."""
        if self._instance is not None:
            self._library.ffi_controller_receive_hci(
                self._instance, packet.type, packet.body, len(packet.body)
            )

    def receive_link_layer(self, packet: bytes, phy: int) -> None:
        if self._instance is None:
            return
        if packet[0] == _LL_DISCONNECT:
            self._connections.discard((packet[7:13], packet[1:7]))
        self._library.ffi_controller_receive_ll(self._instance, packet, len(packet), phy, RSSI_DBM)

    def tick(self) -> None:
        if self._instance is not None:
            self._library.ffi_controller_tick(self._instance)

    def close(self) -> None:
        """Takes the controller off the air, as a flat battery would: its peers see a supervision timeout."""
        if self._instance is None:
            return
        self._link.remove(self)
        for own, peer in self._connections:
            self._link.broadcast(self, bytes([_LL_DISCONNECT]) + own + peer + bytes([_CONNECTION_TIMEOUT]), 0)
        self._library.ffi_controller_delete(self._instance)
        self._instance = None

    def _on_hci(self, packet_type: int, data: "ctypes._Pointer[ctypes.c_ubyte]", length: int) -> None:
        self._send(h4.Packet(packet_type, ctypes.string_at(data, length)))

    def _on_link_layer(
        self, data: "ctypes._Pointer[ctypes.c_ubyte]", length: int, phy: int, _tx_power: int
    ) -> None:
        packet = ctypes.string_at(data, length)
        if packet[0] in (_LL_CONNECT, _LL_CONNECT_COMPLETE):
            self._connections.add((packet[1:7], packet[7:13]))
        elif packet[0] == _LL_DISCONNECT:
            self._connections.discard((packet[1:7], packet[7:13]))
        self._link.broadcast(self, packet, phy)
