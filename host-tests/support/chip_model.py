"""Replays what a driver sent to a CYW43 chip through a model of the chip that shares nothing with the simulator's.

Standard input has an event a line: "power 0", "power 1", or "bytes BAUD HEX". Standard output gets one JSON object.
"""

import hashlib
import json
import struct
import sys

RESET = 0x0C03
UPDATE_BAUD_RATE = 0xFC18
DOWNLOAD_MINIDRIVER = 0xFC2E
WRITE_RAM = 0xFC4C
LAUNCH_RAM = 0xFC4E
START_BAUD = 115200
TOLERANCE = 0.025


class Chip:
    """Silent without supply; bytes at another rate are noise; back at 115,200 baud after a launch."""

    def __init__(self) -> None:
        self.is_on = False
        self.forget()

    def forget(self) -> None:
        self.rate = START_BAUD
        self.received = bytearray()
        self.mode = "rom"
        self.memory = hashlib.sha256()
        self.records = 0
        self.noise = 0
        self.faults: list[str] = []
        self.opcodes: list[int] = []

    def power(self, on: bool) -> None:
        if on and not self.is_on:
            self.forget()
        self.is_on = on

    def take(self, rate: int, data: bytes) -> None:
        if not self.is_on:
            self.faults.append(f"{len(data)} bytes without supply")
            return
        if abs(rate / self.rate - 1) > TOLERANCE:
            self.noise += len(data)
            return
        self.received += data
        while len(self.received) >= 4:
            if self.received[0] != 1:
                if self.mode != "patched":
                    self.faults.append(f"indicator {self.received[0]}")
                self.received.clear()
                return
            length = 4 + self.received[3]
            if len(self.received) < length:
                return
            packet = bytes(self.received[:length])
            del self.received[:length]
            self.command(packet[1] | packet[2] << 8, packet)

    def command(self, opcode: int, packet: bytes) -> None:
        if opcode != WRITE_RAM:
            self.opcodes.append(opcode)
        if opcode == UPDATE_BAUD_RATE:
            (self.rate,) = struct.unpack("<I", packet[6:10])
        elif opcode == DOWNLOAD_MINIDRIVER:
            if self.mode != "rom":
                self.faults.append("minidriver twice")
            self.mode = "download"
        elif opcode in (WRITE_RAM, LAUNCH_RAM):
            if self.mode != "download":
                self.faults.append("a record outside of a download")
            self.memory.update(packet[1:])
            self.records += 1
            if opcode == LAUNCH_RAM:
                self.mode = "patched"
                self.rate = START_BAUD
        elif self.mode != "patched" and opcode != RESET:
            self.faults.append(f"command {opcode:#06x} before the patch")


def main() -> None:
    chip = Chip()
    for line in sys.stdin:
        word, *rest = line.split()
        if word == "power":
            chip.power(rest[0] == "1")
        else:
            chip.take(int(rest[0]), bytes.fromhex(rest[1]))
    json.dump(
        {
            "mode": chip.mode,
            "rate": chip.rate,
            "records": chip.records,
            "sha256": chip.memory.hexdigest(),
            "noise": chip.noise,
            "faults": chip.faults,
            "opcodes": chip.opcodes,
        },
        sys.stdout,
    )


main()
