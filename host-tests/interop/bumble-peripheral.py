"""
A peripheral on Bumble's host stack for a camera that is its client.

    python host-tests/interop/bumble-peripheral.py --hci tcp:127.0.0.1:41234

What it serves is agreed in host-tests/interop/applications/reader/names.ts.
"""

import argparse
import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools" / "rig"))

from bumble.att import ATT_Error
from bumble.core import UUID, AdvertisingData
from bumble.device import Connection, Device
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.hci import Address
from bumble.transport import open_transport
from central import bumble_transport

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


async def run(hci: str) -> None:
    async with await open_transport(bumble_transport(hci)) as transport:
        device = Device.with_hci(NAME, Address("C6:00:00:00:00:01"), transport.source, transport.sink)
        Peer(device)
        await device.power_on()
        while True:
            gone = asyncio.Event()
            device.once(
                "connection",
                lambda connection, gone=gone: connection.on("disconnection", lambda _reason: gone.set()),
            )
            await device.start_advertising(
                advertising_data=bytes(
                    AdvertisingData(
                        [
                            (AdvertisingData.FLAGS, b"\x06"),
                            (AdvertisingData.COMPLETE_LOCAL_NAME, NAME.encode()),
                        ]
                    )
                ),
                advertising_interval_min=100.0,
                advertising_interval_max=100.0,
            )
            print("peer: advertising", flush=True)
            await gone.wait()
            print("peer: disconnected", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="A peripheral for a camera that is its client.")
    parser.add_argument("--hci", required=True)
    asyncio.run(run(parser.parse_args().hci))


if __name__ == "__main__":
    main()
