"""
A stand-in for the camera on Bumble's host stack: proves the rig itself, before and apart from any firmware.

    python host-tests/interop/stand-in.py --hci tcp:127.0.0.1:41234 --app environment-sensor|mailbox

It shows the two applications that the interoperability tests expect (host-tests/interop/applications.ts).
"""

import argparse
import asyncio
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools" / "rig"))

from bumble.att import ATT_Error, ErrorCode
from bumble.core import UUID, AdvertisingData
from bumble.device import Connection, Device
from bumble.gatt import Characteristic, CharacteristicValue, Descriptor, Service
from bumble.hci import Address
from bumble.transport import open_transport
from central import bumble_transport

READ = Characteristic.Properties.READ
WRITE = Characteristic.Properties.WRITE
WRITE_COMMAND = Characteristic.Properties.WRITE_WITHOUT_RESPONSE
NOTIFY = Characteristic.Properties.NOTIFY


def say(line: str) -> None:
    print(line, flush=True)


def read_only(value: bytes) -> CharacteristicValue:
    # Bumble's server does not look at the permission to write.
    def refuse(_connection: Connection, _value: bytes) -> None:
        raise ATT_Error(ErrorCode.WRITE_NOT_PERMITTED)

    return CharacteristicValue(read=lambda _: value, write=refuse)


class EnvironmentSensor:
    appearance = 0x0540
    name = "obscura-env"

    def __init__(self) -> None:
        self._temperature = self._quantity("2A6E", struct.pack("<h", 2150))
        self._humidity = self._quantity("2A6F", struct.pack("<H", 4800))
        self.services = [Service("181A", [self._temperature, self._humidity])]
        self.advertising = [
            (AdvertisingData.FLAGS, b"\x06"),
            (AdvertisingData.COMPLETE_LOCAL_NAME, self.name.encode()),
            (AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS, struct.pack("<H", 0x181A)),
            (AdvertisingData.APPEARANCE, struct.pack("<H", 0x0540)),
        ]
        self.scan_response = [(AdvertisingData.MANUFACTURER_SPECIFIC_DATA, b"\xff\xff" + bytes(range(12)))]

    @staticmethod
    def _quantity(uuid: str, value: bytes) -> Characteristic:
        # An ES Trigger Setting: each second.
        trigger = Descriptor("290D", Characteristic.READABLE, b"\x01\x01\x00\x00")
        return Characteristic(uuid, READ | NOTIFY, Characteristic.READABLE, read_only(value), [trigger])

    async def stream(self, device: Device, _connection: Connection) -> None:
        while True:
            await asyncio.sleep(1)
            await device.notify_subscribers(self._temperature)
            await device.notify_subscribers(self._humidity)


class Mailbox:
    appearance = 0
    name = "obscura-mail"

    def __init__(self) -> None:
        def uuid(number: int) -> UUID:
            return UUID(f"4F627363-7572-6100-8000-00000000000{number}")

        self._commands: asyncio.Queue[bytes] = asyncio.Queue()
        both = Characteristic.READABLE | Characteristic.WRITEABLE
        text = Characteristic(uuid(1), READ | WRITE, both, b"empty")
        command = Characteristic(
            uuid(2),
            WRITE | WRITE_COMMAND,
            Characteristic.WRITEABLE,
            CharacteristicValue(write=lambda _, value: self._commands.put_nowait(value)),
        )
        self._answer = Characteristic(uuid(3), READ | NOTIFY, Characteristic.READABLE, b"")
        archive = Characteristic(uuid(4), READ, Characteristic.READABLE, bytes(i & 0xFF for i in range(300)))
        self.services = [Service(uuid(0), [text, command, self._answer, archive])]
        self.advertising = [
            (AdvertisingData.FLAGS, b"\x06"),
            (AdvertisingData.COMPLETE_LOCAL_NAME, self.name.encode()),
        ]
        self.scan_response: list[tuple[int, bytes]] = []

    async def stream(self, device: Device, _connection: Connection) -> None:
        while True:
            self._answer.value = (await self._commands.get())[::-1]
            await device.notify_subscribers(self._answer)


async def run(hci: str, app: EnvironmentSensor | Mailbox) -> None:
    async with await open_transport(bumble_transport(hci)) as transport:
        device = Device.with_hci(app.name, Address("C3:00:00:00:00:01"), transport.source, transport.sink)
        for attribute in device.gatt_server.attributes:
            if attribute.type == UUID.from_16_bits(0x2A01):
                attribute.value = struct.pack("<H", app.appearance)
        device.add_services(app.services)
        await device.power_on()
        say("stand-in: started")
        while True:
            connected: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()
            gone = asyncio.Event()

            def follow(connection: Connection, connected=connected, gone=gone) -> None:
                connection.on("disconnection", lambda _reason: gone.set())
                connected.set_result(connection)

            device.once("connection", follow)
            await device.start_advertising(
                advertising_data=bytes(AdvertisingData(app.advertising)),
                scan_response_data=bytes(AdvertisingData(app.scan_response)),
                advertising_interval_min=100.0,
                advertising_interval_max=100.0,
            )
            say("stand-in: advertising")
            connection = await connected
            say(f"stand-in: connected to {connection.peer_address}")
            stream = asyncio.create_task(app.stream(device, connection))
            await gone.wait()
            stream.cancel()
            say("stand-in: disconnected")


def main() -> None:
    parser = argparse.ArgumentParser(description="A stand-in for the camera.")
    parser.add_argument("--hci", required=True)
    parser.add_argument("--app", choices=("environment-sensor", "mailbox"), default="environment-sensor")
    arguments = parser.parse_args()

    async def start() -> None:
        await run(arguments.hci, EnvironmentSensor() if arguments.app == "environment-sensor" else Mailbox())

    asyncio.run(start())


if __name__ == "__main__":
    main()
