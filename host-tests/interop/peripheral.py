"""
What the peripherals on Bumble's host stack share: they advertise a name, wait for the camera, and advertise again when
its link has ended.
"""

import argparse
import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools" / "rig"))

from bumble.core import AdvertisingData
from bumble.device import Device
from bumble.hci import Address
from bumble.transport import open_transport
from central import bumble_transport


async def _serve(hci: str, name: str, address: str, add_services: Callable[[Device], object]) -> None:
    async with await open_transport(bumble_transport(hci)) as transport:
        device = Device.with_hci(name, Address(address), transport.source, transport.sink)
        add_services(device)
        await device.power_on()
        while True:
            gone = asyncio.Event()
            device.once(
                "connection",
                lambda connection, gone=gone: connection.on("disconnection", lambda _reason: gone.set()),
            )
            local_name = (AdvertisingData.COMPLETE_LOCAL_NAME, name.encode())
            await device.start_advertising(
                advertising_data=bytes(AdvertisingData([(AdvertisingData.FLAGS, b"\x06"), local_name])),
                advertising_interval_min=100.0,
                advertising_interval_max=100.0,
            )
            print("peer: advertising", flush=True)
            await gone.wait()
            print("peer: disconnected", flush=True)


def run_peripheral(
    description: str, name: str, address: str, add_services: Callable[[Device], object]
) -> None:
    """Runs until it is killed. `--hci` names the controller; `add_services` is called once, before the radio starts."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--hci", required=True)
    asyncio.run(_serve(parser.parse_args().hci, name, address, add_services))
