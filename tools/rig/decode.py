"""What bytes on the air mean: advertising data and the characteristic values that our examples use."""

from typing import Any

from bumble.company_ids import COMPANY_IDENTIFIERS
from bumble.core import UUID, AdvertisingData, Appearance

APPEARANCE = UUID.from_16_bits(0x2A01, "Appearance")
DEVICE_NAME = UUID.from_16_bits(0x2A00, "Device Name")
TEMPERATURE = UUID.from_16_bits(0x2A6E, "Temperature")
HUMIDITY = UUID.from_16_bits(0x2A6F, "Humidity")


def uuid_text(uuid: UUID) -> str:
    """16-bit UUIDs as 4 digits, 128-bit ones in the usual five groups; upper case."""
    return uuid.to_hex_str("-").upper()


def uuid_name(uuid: UUID) -> str | None:
    """The name that the Bluetooth SIG gave it, if it is one of theirs."""
    return uuid.name or None


def appearance_text(appearance: int) -> str:
    return f"0x{appearance:04X} {Appearance.from_int(appearance)}"


def characteristic_value(uuid: UUID, value: bytes) -> str | None:
    """The value as a person reads it, or None when nothing is known about this UUID or the length is wrong."""
    if uuid == DEVICE_NAME:
        return value.decode("utf-8", "replace")
    if uuid == APPEARANCE and len(value) == 2:
        return appearance_text(int.from_bytes(value, "little"))
    if uuid == TEMPERATURE and len(value) == 2:
        return f"{int.from_bytes(value, 'little', signed=True) / 100:.2f} °C"
    if uuid == HUMIDITY and len(value) == 2:
        return f"{int.from_bytes(value, 'little') / 100:.2f} %"
    return None


def advertising_data(data: bytes) -> list[dict[str, Any]]:
    """
    The AD structures in their order (Vol 3, Part C, 11), each with its type, name, bytes and meaning.

    Raises ValueError when a structure claims more bytes than there are.
    """
    structures = []
    offset = 0
    while offset < len(data) and data[offset] != 0:
        end = offset + 1 + data[offset]
        if end > len(data):
            raise ValueError(f"AD structure at byte {offset} of {data.hex()} ends after the data")
        ad_type, value = data[offset + 1], data[offset + 2 : end]
        structures.append(
            {
                "type": ad_type,
                "name": AdvertisingData.Type(ad_type).name.replace("_", " ").capitalize(),
                "raw": value.hex(),
                "decoded": _ad_structure(ad_type, value),
            }
        )
        offset = end
    return structures


def _ad_structure(ad_type: int, value: bytes) -> str | None:
    types = AdvertisingData.Type
    if ad_type == types.FLAGS and len(value) == 1:
        return AdvertisingData.flags_to_string(value[0], short=True)
    if ad_type in (types.COMPLETE_LOCAL_NAME, types.SHORTENED_LOCAL_NAME):
        return value.decode("utf-8", "replace")
    if ad_type == types.APPEARANCE and len(value) == 2:
        return appearance_text(int.from_bytes(value, "little"))
    if ad_type == types.MANUFACTURER_SPECIFIC_DATA and len(value) >= 2:
        company = int.from_bytes(value[:2], "little")
        name = COMPANY_IDENTIFIERS.get(company, "unknown company")
        return f"0x{company:04X} ({name}): {value[2:].hex()}"
    uuid_size = {
        types.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS: 2,
        types.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS: 2,
        types.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS: 16,
        types.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS: 16,
    }.get(ad_type)
    if uuid_size is not None and len(value) % uuid_size == 0:
        uuids = [UUID.from_bytes(value[i : i + uuid_size]) for i in range(0, len(value), uuid_size)]
        return ", ".join(named(uuid) for uuid in uuids)
    return None


def named(uuid: UUID) -> str:
    name = uuid_name(uuid)
    return uuid_text(uuid) + (f" {name}" if name else "")
