"""
Copies frames between a UDP socket and the management service of a camera, so that clients which speak UDP reach it.

    smp_relay.py --hci tcp-client:HOST:PORT --camera NAME --bonds FILE

Prints {"port": N} when the camera is connected. Connects again when the link ends; what comes meanwhile is dropped. Knows
nothing of what it copies but the length in a frame's header. A datagram that is shorter than that is no frame: it has the
relay's controller leave the air, as a flat battery would.
"""

import argparse
import asyncio
import json
import struct
from pathlib import Path

from bumble.pairing import PairingDelegate
from smpclient.transport.bumble import SMPBumbleTransport
from smpclient.transport.bumble.keystore import Custom

HEADER = struct.Struct(">BBHHBB")


class Relay(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.frames: asyncio.Queue[bytes] = asyncio.Queue()
        self.client: tuple[str, int] | None = None
        self.cut = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if len(data) < HEADER.size:
            self.cut.set()
            return
        self.client = addr
        self.frames.put_nowait(data)

    async def send(self, gatt: SMPBumbleTransport) -> None:
        while True:
            await gatt.send(await self.frames.get())

    async def receive(self, gatt: SMPBumbleTransport) -> None:
        pending = bytearray()
        while True:
            pending += await gatt._next_chunk()
            while len(pending) >= HEADER.size:
                end = HEADER.size + HEADER.unpack_from(pending)[2]
                if len(pending) < end:
                    break
                if self.client is not None:
                    self.transport.sendto(bytes(pending[:end]), self.client)
                del pending[:end]


async def run(options: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    transport, relay = await loop.create_datagram_endpoint(Relay, local_addr=("127.0.0.1", 0))
    has_said = False
    while True:
        gatt = SMPBumbleTransport(
            hci=options.hci, keystore=Custom(options.bonds), pair_on_connect=PairingDelegate()
        )
        try:
            await gatt.connect(options.camera, 10)
            if not has_said:
                print(json.dumps({"port": transport.get_extra_info("sockname")[1]}), flush=True)
            has_said = True
            works = (relay.send(gatt), relay.receive(gatt), relay.cut.wait())
            copying = [asyncio.ensure_future(work) for work in works]
            await asyncio.wait(copying, return_when=asyncio.FIRST_COMPLETED)
            for task in copying:
                task.cancel()
            await asyncio.gather(*copying, return_exceptions=True)
        except Exception as error:
            print(json.dumps({"again": repr(error)}), flush=True)
        # Not in order, which waits for answers of a camera that may be gone.
        opened = getattr(gatt._state, "transport", None)
        if opened is not None:
            await opened.close()
        if relay.cut.is_set():
            relay.cut.clear()
            while not relay.frames.empty():
                relay.frames.get_nowait()
        await asyncio.sleep(0.3)


parser = argparse.ArgumentParser()
for name in ("hci", "camera"):
    parser.add_argument(f"--{name}", required=True)
parser.add_argument("--bonds", required=True, type=Path)
asyncio.run(run(parser.parse_args()))
