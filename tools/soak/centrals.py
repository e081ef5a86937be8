"""
Centrals on Bumble's host stack that join a camera together and vanish one after the other.

    python tools/soak/centrals.py --name obscura-soak --order UUID --hci tcp:127.0.0.1:41234 --hci ...

Takes rounds, one JSON object a line, from standard input; each member gets a controller, in the order of `--hci`:

    {"round": 1, "members": [{"subscribe": ["4F62..."], "writes": false, "mtu": 247, "seed": 1,
                              "early": false, "vanishAfterMs": 40}, ...]}

A member that is `early` vanishes `vanishAfterMs` after its own beginning, wherever it is then. The others do as long
after they have all got where they wanted to be, and the early one has gone. Nothing is said on the air: its controller is gone, as with a flat battery. When all
have vanished, one line reports what each saw:

    {"event": "round", "round": 1, "members": [{"stage": "ready", "mtu": 247, "sent": 0, "answered": 0,
                                                "received": {"4F62...": ["01000000", ...]}}, ...]}

`sent` counts the values that were written, `answered` those that the camera answered. `received` holds every
notification, wanted or not. Ends when standard input closes.
"""

import argparse
import asyncio
import logging
import os
import random
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "rig"))

import decode
import scanner
from bumble.att import ATT_Handle_Value_Notification
from bumble.core import UUID
from bumble.device import Device, Peer
from bumble.gatt_client import CharacteristicProxy
from bumble.hci import Address
from bumble.transport import Transport, open_transport
from central import bumble_transport, given_steps
from steps import report

# A net for what never comes: nothing that comes takes as long, on the busiest machine.
PATIENCE_SECONDS = 180.0

# The longest value that fits a write at the smallest MTU, and the longest pause between two writes.
ORDER_LENGTH = 20
ORDER_PAUSE_SECONDS = 0.015


@dataclass
class Seen:
    """What one member did and saw in one round."""

    stage: str = "starting"
    mtu: int = 23
    sent: int = 0
    answered: int = 0
    received: dict[str, list[str]] = field(default_factory=dict)


class Member:
    """One central in one round."""

    def __init__(self, camera: argparse.Namespace, index: int, wish: dict[str, Any]) -> None:
        self.seen = Seen()
        # Got where it wanted to be; or gone, when that is not waited for.
        self.settled = asyncio.Event()
        self._camera = camera
        self._address = f"C2:00:00:00:01:{index:02X}"
        self._wish = wish
        self._random = random.Random(wish["seed"])
        self._uuids: dict[int, str] = {}

    async def run(self, transport: Transport, connecting: asyncio.Lock) -> None:
        """Joins the camera, and does there what it wants to until it is cancelled."""
        device = Device.with_hci("soak", Address(self._address), transport.source, transport.sink)
        await device.power_on()
        peer = await self._join(device, connecting)
        order = await self._settle(peer)
        self.seen.stage = "ready"
        if not self._wish["early"]:
            self.settled.set()
        if order is None:
            await asyncio.get_running_loop().create_future()
        else:
            await self._write(order)

    async def _join(self, device: Device, connecting: asyncio.Lock) -> Peer:
        self.seen.stage = "waiting"
        # Of two that answer one advertisement, rootcanal leaves the second waiting for ever.
        async with connecting:
            self.seen.stage = "scanning"
            sighting = await scanner.find(device, self._camera.name, None)
            self.seen.stage = "connecting"
            peer = Peer(await device.connect(sighting.address))
        self.seen.stage = "connected"

        def keep(notification: ATT_Handle_Value_Notification) -> None:
            handle = notification.attribute_handle
            values = self.seen.received.setdefault(self._uuids.get(handle, str(handle)), [])
            values.append(notification.attribute_value.hex())

        # In place of Bumble's own, which passes over what was never subscribed to.
        peer.gatt_client.on_att_handle_value_notification = keep
        return peer

    async def _settle(self, peer: Peer) -> CharacteristicProxy | None:
        """Exchanges the MTU, discovers and subscribes; returns what is to be written."""
        if self._wish["mtu"] > self.seen.mtu:
            self.seen.mtu = await peer.request_mtu(self._wish["mtu"])
        self.seen.stage = "discovering"
        await peer.discover_services()
        found: dict[UUID, CharacteristicProxy] = {}
        for service in peer.services:
            for characteristic in await service.discover_characteristics():
                found[characteristic.uuid] = characteristic
                self._uuids[characteristic.handle] = decode.uuid_text(characteristic.uuid)
        self.seen.stage = "subscribing"
        for uuid in self._wish["subscribe"]:
            await found[UUID(uuid)].subscribe()
        return found[UUID(self._camera.order)] if self._wish["writes"] else None

    async def _write(self, order: CharacteristicProxy) -> None:
        while True:
            length = self._random.randrange(1, ORDER_LENGTH + 1)
            value = bytes([self._random.randrange(2)]) + self._random.randbytes(length - 1)
            with_response = self._random.random() < 0.5
            self.seen.sent += 1
            await order.write_value(value, with_response=with_response)
            if with_response:
                self.seen.answered += 1
            await asyncio.sleep(self._random.random() * ORDER_PAUSE_SECONDS)


async def run_round(camera: argparse.Namespace, wishes: list[dict[str, Any]]) -> list[Seen]:
    """One round; raises what stopped a member before its time."""
    connecting = asyncio.Lock()
    members = [Member(camera, index, wish) for index, wish in enumerate(wishes)]

    async def live(member: Member, hci: str, wish: dict[str, Any]) -> None:
        transport = await open_transport(bumble_transport(hci))
        life = asyncio.create_task(member.run(transport, connecting))
        try:
            if not wish["early"]:
                together = asyncio.gather(*(one.settled.wait() for one in members))
                await asyncio.wait({life, together}, timeout=PATIENCE_SECONDS, return_when="FIRST_COMPLETED")
                if not together.done():
                    together.cancel()
                    raise life.exception() if life.done() else TimeoutError()
            await asyncio.wait({life}, timeout=wish["vanishAfterMs"] / 1000)
            if life.done():
                life.result()
        except Exception as error:
            raise RuntimeError(f"a member that was {member.seen.stage}: {error!r}") from error
        finally:
            await transport.close()
            # More than once: Bumble tidies up, and waits for a controller that is not there.
            while not life.done():
                life.cancel()
                await asyncio.wait({life}, timeout=0.01)
            member.settled.set()

    async with asyncio.TaskGroup() as group:
        for index, member in enumerate(members):
            group.create_task(live(member, camera.hci[index], wishes[index]))
    return [member.seen for member in members]


async def run(camera: argparse.Namespace) -> bool:
    report("ready")
    async for step in given_steps("-"):
        try:
            seen = await run_round(camera, step["members"])
        except ExceptionGroup as group:
            report("failed", round=step["round"], message="; ".join(str(error) for error in group.exceptions))
            return False
        report("round", round=step["round"], members=[asdict(one) for one in seen])
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description="Centrals that join a camera together and vanish.")
    parser.add_argument("--name", required=True, help="the camera's advertised name")
    parser.add_argument("--order", required=True, help="UUID of the characteristic that is written")
    parser.add_argument(
        "--hci", required=True, action="append", help="a controller: tcp:HOST:PORT or unix:PATH"
    )
    arguments = parser.parse_args()
    # Bumble reports each controller that went away under it.
    logging.basicConfig(level="CRITICAL")
    succeeded = asyncio.run(run(arguments))
    sys.stdout.flush()
    # Bumble leaves threads behind when its controller went away first.
    os._exit(0 if succeeded else 1)


if __name__ == "__main__":
    main()
