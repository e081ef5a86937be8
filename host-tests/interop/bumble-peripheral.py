"""
A peripheral on Bumble's host stack for a camera that is its client.

    python host-tests/interop/bumble-peripheral.py --hci tcp:127.0.0.1:41234

What it serves is agreed in host-tests/interop/applications/reader/names.ts.
"""

import asyncio

from bumble.att import ATT_Error
from bumble.core import UUID
from bumble.device import Connection, Device
from bumble.gatt import Characteristic, CharacteristicValue, Service
from peripheral import run_peripheral

NAME = "obscura-peer"
VALUES = 5
REFUSAL = 0x80

READ = Characteristic.Properties.READ
WRITE = Characteristic.Properties.WRITE
WRITE_COMMAND = Characteristic.Properties.WRITE_WITHOUT_RESPONSE
NOTIFY = Characteristic.Properties.NOTIFY
INDICATE = Characteristic.Properties.INDICATE
READABLE = Characteristic.READABLE
WRITEABLE = Characteristic.WRITEABLE


def uuid(number: int) -> UUID:
    return UUID(f"4F627363-7572-6100-8003-00000000000{number}")


class Peer:
    def __init__(self, device: Device) -> None:
        self._device = device
        self._count = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._notifying = Characteristic(uuid(5), NOTIFY, READABLE, b"")
        self._indicating = Characteristic(uuid(6), INDICATE, READABLE, b"")
        self._notifying.on("subscription", self._on_notify)
        self._indicating.on("subscription", self._on_indicate)
        both = READABLE | WRITEABLE
        characteristics = [
            Characteristic(uuid(1), READ | WRITE, both, b"short"),
            Characteristic(uuid(2), READ | WRITE, both, bytes(at & 0xFF for at in range(300))),
            Characteristic(uuid(3), WRITE_COMMAND, WRITEABLE, CharacteristicValue(write=self._on_command)),
            Characteristic(uuid(4), READ, READABLE, CharacteristicValue(read=lambda _: bytes([self._count]))),
            self._notifying,
            self._indicating,
            Characteristic(uuid(7), READ, READABLE, CharacteristicValue(read=self._refuse)),
        ]
        battery = Characteristic("2A19", READ | NOTIFY, READABLE, bytes([77]))
        device.add_services([Service(uuid(0), characteristics), Service("180F", [battery])])

    def _refuse(self, _connection: Connection) -> bytes:
        raise ATT_Error(REFUSAL)

    def _on_command(self, _connection: Connection, _value: bytes) -> None:
        self._count += 1

    def _start(self, work: "asyncio.Future[None]") -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _on_notify(self, connection: Connection, notify_enabled: bool, _indicate_enabled: bool) -> None:
        async def send() -> None:
            for number in range(VALUES):
                await self._device.notify_subscriber(connection, self._notifying, bytes([number]))

        if notify_enabled:
            self._start(send())

    def _on_indicate(self, connection: Connection, _notify_enabled: bool, indicate_enabled: bool) -> None:
        async def send() -> None:
            for number in range(VALUES):
                await self._device.indicate_subscriber(connection, self._indicating, bytes([number]))

        if indicate_enabled:
            self._start(send())


if __name__ == "__main__":
    run_peripheral("A peripheral for a camera that is its client.", NAME, "C6:00:00:00:00:01", Peer)
