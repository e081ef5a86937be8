"""
smpclient, as it is, updates a camera: its own Bumble transport over a virtual controller, paired and encrypted.

    smp_update.py --hci tcp-client:HOST:PORT --camera NAME --bonds FILE --imgtool FILE --ours FILE

Both are signed bundles: one by imgtool, which is tried and confirmed, and one by us. Prints one line of JSON for each
step; ends with status 1 and a traceback when something is not as it should be. What is asked of the camera has
smpclient's own time-outs.
"""

import argparse
import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from bumble.pairing import PairingDelegate
from smpclient import SMPClient
from smpclient.generics import error, success
from smpclient.mcuboot import ImageInfo
from smpclient.requests.image_management import ImageErase, ImageStatesRead, ImageStatesWrite
from smpclient.requests.os_management import (
    BootloaderInformationRead,
    EchoWrite,
    MCUMgrParametersRead,
    ResetWrite,
)
from smpclient.transport.bumble import SMPBumbleTransport
from smpclient.transport.bumble.keystore import Custom

PATIENCE_S = 60.0
"""How long the camera may take to be there; another process of this computer may be busy."""


def say(step: str, **facts: Any) -> None:
    print(json.dumps({"step": step, **facts}), flush=True)


def hash_of(file: Path) -> bytes:
    """SHA-256 of header and body, from the file's own TLV."""
    return next(tlv.value for tlv in ImageInfo.load_file(str(file)).tlvs if tlv.header.type == 0x10)


class Camera:
    def __init__(self, hci: str, name: str, bonds: Path) -> None:
        self.hci = hci
        self.name = name
        self.bonds = bonds

    @asynccontextmanager
    async def session(self) -> AsyncIterator[SMPClient]:
        """Connects, again and again until the camera is there; encrypts with the bond, or pairs."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            transport = SMPBumbleTransport(
                hci=self.hci, keystore=Custom(self.bonds), pair_on_connect=PairingDelegate()
            )
            client = SMPClient(transport, self.name)
            try:
                await client.connect(10)
                break
            except Exception:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.5)
        try:
            assert transport._state.connection.is_encrypted, "the link is not encrypted"
            yield client
        finally:
            # A controller that has vanished answers nothing.
            if not getattr(client, "has_vanished", False):
                # Where the camera has ended the link meanwhile, Bumble cancels what waits on it.
                with suppress(asyncio.CancelledError):
                    await client.disconnect()


async def vanish(client: SMPClient) -> None:
    """The client's controller leaves the air, as a flat battery would have it: the camera hears of no end of the link."""
    client.has_vanished = True
    await client._transport._state.transport.close()


async def states(client: SMPClient) -> list[Any]:
    answer = await client.request(ImageStatesRead())
    assert success(answer), answer
    return list(answer.images)


async def upload(client: SMPClient, file: Path, until: int | None = None) -> list[int]:
    """Offsets as they come; leaves off once one is above `until`."""
    offsets: list[int] = []
    async for offset in client.upload(file.read_bytes(), slot=0):
        offsets.append(offset)
        if until is not None and offset > until:
            break
    return offsets


async def look_around(client: SMPClient) -> None:
    answer = await client.request(EchoWrite(d="Kämera"))
    assert success(answer) and answer.r == "Kämera", answer
    answer = await client.request(MCUMgrParametersRead())
    assert success(answer) and answer.buf_size >= 256, answer
    say("parameters", buf_size=answer.buf_size, buf_count=answer.buf_count)
    answer = await client.request(BootloaderInformationRead())
    assert success(answer), answer
    images = await states(client)
    say("list", images=[(i.slot, i.version, i.active, i.confirmed) for i in images])
    assert images[0].active and images[0].confirmed, images


async def until_it_runs(camera: Camera, digest: bytes) -> None:
    """The reset may wait: for the client to leave, and until the camera has been up for 5 s."""
    deadline = time.monotonic() + 60
    while True:
        try:
            async with camera.session() as client:
                if (await states(client))[0].hash == digest:
                    return
            problem = None
        except (
            Exception,
            asyncio.CancelledError,
        ) as failed:  # Bumble cancels what waits on a link that ends.
            problem = failed
        if time.monotonic() > deadline:
            raise problem or AssertionError("the camera still runs what it ran before")
        await asyncio.sleep(1)


async def run(options: argparse.Namespace) -> None:
    camera = Camera(options.hci, options.camera, options.bonds)
    imgtool, ours = options.imgtool, options.ours
    size = imgtool.stat().st_size
    async with camera.session() as client:
        await look_around(client)
        offsets = await upload(client, imgtool, until=size // 3)
        say("cut", offset=offsets[-1], of=size)
    async with camera.session() as client:
        offsets = await upload(client, imgtool, until=size // 2)
        assert offsets[0] > size // 3, f"not resumed: {offsets[0]}"
        await vanish(client)
        say("vanished", first=offsets[0], offset=offsets[-1])
    async with camera.session() as client:
        started = time.monotonic()
        offsets = await upload(client, imgtool)
        assert offsets[0] > size // 2, f"not resumed: {offsets[0]}"
        assert offsets[-1] == size, offsets
        seconds = time.monotonic() - started
        say("resumed", first=offsets[0], seconds=round(seconds, 2))
        digest = hash_of(imgtool)
        other = (await states(client))[1]
        assert other.hash == digest and other.bootable and not other.pending, other
        answer = await client.request(ImageStatesWrite(hash=digest))
        assert success(answer) and answer.images[1].pending, answer
        assert success(await client.request(ResetWrite()))
    await asyncio.sleep(6)
    await until_it_runs(camera, digest)
    async with camera.session() as client:
        running, former = (await states(client))[:2]
        assert running.hash == digest and running.active and not running.confirmed, running
        assert former.confirmed, former
        say("trial", version=running.version)
        answer = await client.request(ImageStatesWrite(confirm=True))
        assert success(answer) and answer.images[0].confirmed, answer
        say("confirmed", version=running.version)
        tampered = bytearray(ours.read_bytes())
        tampered[len(tampered) // 2] ^= 1
        try:
            [offset async for offset in client.upload(bytes(tampered), slot=0)]
        except Exception as refused:
            say("tampered", refused=type(refused).__name__)
        else:
            raise AssertionError("a tampered file was taken")
        answer = await client.request(ImageStatesWrite(hash=hashlib.sha256(tampered).digest()))
        assert error(answer), answer
        started = time.monotonic()
        await upload(client, ours)
        speed = ours.stat().st_size / 1024 / (time.monotonic() - started)
        say("speed", kb_per_second=round(speed, 1))
        images = await states(client)
        assert images[1].hash == hash_of(ours) and images[1].bootable, images
        say("listed", version=images[1].version)
        assert success(await client.request(ImageErase()))
        images = await states(client)
        assert len(images) == 1 and images[0].hash == digest, images
        say("erased")
    say("done")


parser = argparse.ArgumentParser()
for name in ("hci", "camera"):
    parser.add_argument(f"--{name}", required=True)
for name in ("bonds", "imgtool", "ours"):
    parser.add_argument(f"--{name}", required=True, type=Path)
asyncio.run(asyncio.wait_for(run(parser.parse_args()), 300))
