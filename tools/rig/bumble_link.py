"""
Controllers by Bumble on Bumble's LocalLink: the fallback where rootcanal's library does not run.

They answer some commands not at all and encrypt without asking the peripheral's host.
"""

from collections.abc import Callable

import h4
from bumble.controller import Controller
from bumble.hci import HCI_CONNECTION_TIMEOUT_ERROR
from bumble.link import LocalLink


class BumbleLink:
    """The radio: what one controller sends reaches the one it is meant for."""

    def __init__(self) -> None:
        self._link = LocalLink()

    def attach(self, address: str, send: Callable[[h4.Packet], None]) -> "BumbleController":
        """Creates a controller with this public address; `send` takes its packets to the host."""
        return BumbleController(self._link, address, send)


class _HostSink:
    def __init__(self, send: Callable[[h4.Packet], None]) -> None:
        self._send = send

    def on_packet(self, packet: bytes) -> None:
        self._send(h4.Packet(packet[0], packet[1:]))


class BumbleController:
    """One controller. It lives as long as its host's socket."""

    def __init__(self, link: LocalLink, address: str, send: Callable[[h4.Packet], None]) -> None:
        self._link = link
        self._controller = Controller(address, host_sink=_HostSink(send), link=link, public_address=address)

    def receive(self, packet: h4.Packet) -> None:
        """Takes a packet from the host."""
        self._controller.on_packet(packet.to_bytes())

    def close(self) -> None:
        """Takes the controller off the air, as a flat battery would: its peers see a supervision timeout."""
        if self._controller not in self._link.controllers:
            return
        self._controller.le_legacy_advertiser.stop()
        self._link.remove_controller(self._controller)
        for own in self._controller.le_connections.values():
            for peer in self._link.controllers:
                for connection in list(peer.le_connections.values()):
                    if connection.peer_address == own.self_address:
                        peer.on_le_disconnected(connection, HCI_CONNECTION_TIMEOUT_ERROR)
