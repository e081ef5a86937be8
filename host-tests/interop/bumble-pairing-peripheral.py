"""
A peripheral on Bumble's host stack that pairs with a camera, as the camera asks.

    python host-tests/interop/bumble-pairing-peripheral.py --hci tcp:127.0.0.1:41234

What it serves is agreed in host-tests/interop/applications/pairer/names.ts.
"""

import asyncio

from bumble.core import UUID
from bumble.device import Connection, Device
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.keys import MemoryKeyStore
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.smp import OobContext, OobLegacyContext, OobSharedData
from peripheral import run_peripheral

NAME = "obscura-secret"
ADDRESS = "C6:00:00:00:00:02"
# What it shows; Bumble stumbles over 000000.
PASSKEY = 135790

READ = Characteristic.Properties.READ
WRITE = Characteristic.Properties.WRITE
READABLE = Characteristic.READABLE
WRITEABLE = Characteristic.WRITEABLE

CAPABILITIES = {
    "nothing": PairingDelegate.NO_OUTPUT_NO_INPUT,
    "shows": PairingDelegate.DISPLAY_OUTPUT_ONLY,
    "types": PairingDelegate.KEYBOARD_INPUT_ONLY,
    "compares": PairingDelegate.DISPLAY_OUTPUT_AND_YES_NO_INPUT,
    "outOfBand": PairingDelegate.NO_OUTPUT_NO_INPUT,
}


def uuid(number: int) -> UUID:
    return UUID(f"4F627363-7572-6100-8005-00000000000{number}")


class User(PairingDelegate):
    def __init__(self, peer: "Peer", io_capability: PairingDelegate.IoCapability) -> None:
        super().__init__(io_capability)
        self._peer = peer

    async def generate_passkey(self) -> int:
        return PASSKEY

    async def display_number(self, number: int, digits: int) -> None:
        self._peer.shown = str(number).zfill(digits).encode()

    async def get_number(self) -> int | None:
        return int(await self._peer.typed)


class Peer:
    def __init__(self, device: Device) -> None:
        self._device = device
        self.shown = b""
        self.typed: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._method, self._secure = "nothing", True
        self._context, self._legacy = OobContext(), OobLegacyContext()
        self._camera: OobSharedData | None = None
        device.keystore = MemoryKeyStore()
        device.pairing_config_factory = self._config
        out_of_band = CharacteristicValue(read=lambda _: self._own_data(), write=self._on_data)
        characteristics = [
            Characteristic(uuid(1), WRITE, WRITEABLE, CharacteristicValue(write=self._on_mode)),
            Characteristic(uuid(2), READ, READABLE, CharacteristicValue(read=lambda _: self.shown)),
            Characteristic(uuid(3), WRITE, WRITEABLE, CharacteristicValue(write=self._on_typed)),
            Characteristic(uuid(4), READ, READABLE | Characteristic.READ_REQUIRES_ENCRYPTION, b"secret"),
            Characteristic(uuid(5), READ | WRITE, READABLE | WRITEABLE, out_of_band),
        ]
        device.add_services([Service(uuid(0), characteristics)])

    def _own_data(self) -> bytes:
        shared = self._context.share()
        return shared.c + shared.r + self._legacy.tk

    def _on_data(self, _connection: Connection, value: bytes) -> None:
        self._camera = OobSharedData(c=value[:16], r=value[16:32])

    def _on_typed(self, _connection: Connection, value: bytes) -> None:
        if not self.typed.done():
            self.typed.set_result(value)

    async def _on_mode(self, _connection: Connection, value: bytes) -> None:
        if value == b"forget":
            await self._device.keystore.delete_all()
            return
        method, protocol = value.decode().split()
        self._method, self._secure = method, protocol == "secure"
        self.shown = b""
        self.typed = asyncio.get_running_loop().create_future()
        self._context, self._legacy, self._camera = OobContext(), OobLegacyContext(), None

    def _config(self, _connection: Connection) -> PairingConfig:
        oob = None
        if self._method == "outOfBand":
            if self._secure:
                oob = PairingConfig.OobConfig(self._context, self._camera, None)
            else:
                oob = PairingConfig.OobConfig(None, None, self._legacy)
        return PairingConfig(
            sc=self._secure,
            mitm=self._method != "nothing",
            delegate=User(self, CAPABILITIES[self._method]),
            identity_address_type=PairingConfig.AddressType.RANDOM,
            oob=oob,
        )


if __name__ == "__main__":
    run_peripheral("A peripheral that pairs with a camera.", NAME, ADDRESS, Peer)
