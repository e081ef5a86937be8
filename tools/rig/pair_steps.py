"""Pairing, step by step: a user at a central of Bumble's, who reports what is shown and types what a step says."""

import asyncio
from typing import Any

from bumble.device import Connection, Device
from bumble.keys import MemoryKeyStore
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.smp import OobContext, OobLegacyContext, OobSharedData
from report import StepError, report


class User(PairingDelegate):
    """Has what an IO capability says, and does what the steps say."""

    def __init__(self, io: int, passkey: int) -> None:
        super().__init__(io_capability=PairingDelegate.IoCapability(io))
        self._passkey = passkey
        self.typed: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def compare_numbers(self, number: int, digits: int) -> bool:
        report("compares", number=f"{number:0{digits}}")
        return True

    async def get_number(self) -> int | None:
        report("types")
        return await self.typed

    async def display_number(self, number: int, digits: int) -> None:
        report("shows", number=f"{number:0{digits}}")

    async def generate_passkey(self) -> int:
        return self._passkey


class Pairing:
    """One pairing after the other of one device."""

    def __init__(self, device: Device) -> None:
        self._device = device
        device.keystore = MemoryKeyStore()
        self._user: User | None = None
        self._running: asyncio.Task[Any] | None = None
        self._context = OobContext()

    def share(self) -> None:
        """What goes to the camera by another way than the radio, for the next pairing."""
        self._context = OobContext()
        shared = self._context.share()
        report("outOfBand", confirm=shared.c[::-1].hex(), random=shared.r[::-1].hex())

    def start(
        self,
        connection: Connection,
        io: int,
        mitm: bool,
        sc: bool,
        bonding: bool,
        passkey: int,
        out_of_band: dict[str, str] | None,
    ) -> None:
        user = User(io, passkey)
        self._user = user
        config = PairingConfig(
            sc=sc,
            mitm=mitm,
            bonding=bonding,
            delegate=user,
            identity_address_type=PairingConfig.AddressType.RANDOM,
            oob=None if out_of_band is None else self._oob(out_of_band),
        )
        self._device.pairing_config_factory = lambda _connection: config
        self._running = asyncio.ensure_future(connection.pair())

    def _oob(self, data: dict[str, str]) -> PairingConfig.OobConfig:
        """From the camera: its confirm and random for LE Secure Connections, or a temporary key."""
        numbers = {name: bytes.fromhex(value)[::-1] for name, value in data.items()}
        if "temporaryKey" in numbers:
            return PairingConfig.OobConfig(None, None, OobLegacyContext(numbers["temporaryKey"]))
        peer = OobSharedData(c=numbers["confirm"], r=numbers["random"])
        return PairingConfig.OobConfig(self._context, peer, None)

    async def forget(self) -> None:
        await self._device.keystore.delete_all()
        report("forgotten")

    def type(self, passkey: int) -> None:
        if self._user is None:
            raise StepError("typePasskey needs a startPairing before it")
        self._user.typed.set_result(passkey)

    async def end(self, connection: Connection) -> None:
        if self._running is None:
            raise StepError("awaitPairing needs a startPairing before it")
        await self._running
        report(
            "paired",
            encrypted=connection.is_encrypted,
            authenticated=connection.authenticated,
            secureConnections=connection.sc,
        )
