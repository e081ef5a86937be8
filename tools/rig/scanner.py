"""Finds one camera on the air."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import decode
from bumble import hci
from bumble.device import Advertisement, Device


@dataclass
class Sighting:
    """What one address said about itself so far."""

    address: hci.Address
    rssi: int
    is_connectable: bool = False
    is_scannable: bool = False
    advertising: bytes | None = None
    scan_response: bytes | None = None
    names: set[str] = field(default_factory=set)

    @property
    def is_complete(self) -> bool:
        return self.advertising is not None and (self.scan_response is not None or not self.is_scannable)

    def to_event(self) -> dict[str, Any]:
        return {
            "event": "found",
            "address": self.address.to_string(with_type_qualifier=False),
            "addressType": "public" if self.address.is_public else "random",
            "rssi": self.rssi,
            "connectable": self.is_connectable,
            "advertising": decode.advertising_data(self.advertising or b""),
            "advertisingRaw": (self.advertising or b"").hex(),
            "scanResponse": decode.advertising_data(self.scan_response or b""),
            "scanResponseRaw": (self.scan_response or b"").hex(),
        }


async def find(
    device: Device, name: str | None, address: str | None, unlike: bytes | None = None
) -> Sighting:
    """
    Scans actively until the camera of this name or address was heard, its scan response included, with another
    payload than `unlike`.
    """
    sightings: dict[hci.Address, Sighting] = {}
    found: asyncio.Future[Sighting] = asyncio.get_running_loop().create_future()

    def on_report(report: Any) -> None:
        # Bumble's own "advertisement" event joins the two payloads; the reports still have them apart.
        advertisement = Advertisement.from_advertising_report(report)
        if advertisement is None or found.done():
            return
        sighting = sightings.setdefault(
            advertisement.address, Sighting(advertisement.address, advertisement.rssi)
        )
        if advertisement.is_scan_response:
            sighting.scan_response = advertisement.data_bytes
        else:
            sighting.advertising = advertisement.data_bytes
            sighting.is_connectable = advertisement.is_connectable
            sighting.is_scannable = advertisement.is_scannable
        for structure in decode.advertising_data(advertisement.data_bytes):
            if structure["name"] in ("Complete local name", "Shortened local name"):
                sighting.names.add(structure["decoded"])
        is_wanted = (name is None or name in sighting.names) and (
            address is None or address.upper() == sighting.address.to_string(with_type_qualifier=False)
        )
        if is_wanted and sighting.is_complete and sighting.advertising != unlike:
            found.set_result(sighting)

    device.host.on("advertising_report", on_report)
    try:
        await device.start_scanning(filter_duplicates=False)
        try:
            return await found
        finally:
            await device.stop_scanning()
    finally:
        device.host.remove_listener("advertising_report", on_report)
