"""Credit-based channels of the central: what its steps about them do."""

from __future__ import annotations

import asyncio

from bumble.device import Connection, Device
from bumble.l2cap import LeCreditBasedChannel, LeCreditBasedChannelSpec


class Channel:
    """One open channel; SDUs that arrive are kept until they are taken."""

    def __init__(self, channel: LeCreditBasedChannel) -> None:
        self._channel = channel
        self._received: asyncio.Queue[bytes] = asyncio.Queue()
        channel.sink = self._received.put_nowait

    @property
    def peer_mtu(self) -> int:
        return self._channel.peer_mtu

    async def exchange(self, length: int, count: int) -> int:
        """Sends SDUs, two at a time, and compares what comes back. Returns how many bytes that were."""
        sdus = [bytes((first + at) & 0xFF for at in range(length)) for first in range(count)]
        for index, sdu in enumerate(sdus):
            self._channel.write(sdu)
            if index > 0:
                await self._expect(sdus[index - 1])
        await self._expect(sdus[-1])
        return length * count

    async def _expect(self, sdu: bytes) -> None:
        received = await self._received.get()
        if received != sdu:
            raise ValueError(f"{len(received)} bytes came back, not the {len(sdu)} that were sent")

    async def close(self) -> None:
        await self._channel.disconnect()


class Listener:
    """Takes channels that the camera opens."""

    def __init__(self, device: Device, psm: int) -> None:
        self._channels: asyncio.Queue[Channel] = asyncio.Queue()
        device.create_l2cap_server(
            spec=LeCreditBasedChannelSpec(psm=psm, mtu=600, mps=200, max_credits=20),
            handler=lambda channel: self._channels.put_nowait(Channel(channel)),
        )

    async def channel(self) -> Channel:
        return await self._channels.get()


async def open_channel(connection: Connection, psm: int) -> Channel:
    spec = LeCreditBasedChannelSpec(psm=psm, mtu=1000, mps=247, max_credits=10)
    return Channel(await connection.create_l2cap_channel(spec=spec))
