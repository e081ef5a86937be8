"""
Offers a controller of this computer, through one of Bumble's transports, as an H4 socket on this computer alone.

    python tools/rig/bridge.py serial:/dev/ttyACM0,1000000,rtscts

Prints one line of JSON: {"event": "ready", "hci": "tcp:127.0.0.1:41234"} when the controller has answered HCI Reset,
or {"event": "failed", "kind": KIND, "message": TEXT} and ends with status 1. KIND is "missing", "permission", "busy",
"unsupported", "silent" or "other". When the controller goes later, it says {"event": "lost"} and ends with status 1.

One host at a time is served; it may hang up and come back. Ends when standard input closes or on SIGTERM.
"""

import argparse
import asyncio
import contextlib
import errno
import json
import os
import sys

import h4
from bumble.transport import open_transport
from bumble.transport.common import Transport
from controller import end_of_session

RESET = bytes([h4.COMMAND, 0x03, 0x0C, 0x00])
# Command Complete or Command Status of HCI Reset, behind event code, length and number of commands.
RESET_ANSWERS = ((0x0E, 3), (0x0F, 4))

# How often HCI Reset is sent before the controller counts as silent, and how long each is waited for.
ATTEMPTS = 3
ATTEMPT_SECONDS = 1.0

# What a host that does not read may leave behind before it loses its connection.
UNREAD_MAX = 1 << 20


class Failure(Exception):
    """The controller cannot be used; `kind` says why."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def report(event: str, **fields: object) -> None:
    print(json.dumps({"event": event, **fields}), flush=True)


class Bridge:
    """Passes packets between the controller and whoever is connected."""

    def __init__(self, transport: Transport) -> None:
        self._sink = transport.sink
        self._writer: asyncio.StreamWriter | None = None
        self._reset_answered = asyncio.Event()
        self.lost = asyncio.Event()
        transport.source.set_packet_sink(self)
        transport.source.terminated.add_done_callback(lambda _: self.lost.set())

    def on_packet(self, packet: bytes) -> None:
        """From the controller. What comes while nobody is connected is dropped."""
        if is_answer_to_reset(packet):
            self._reset_answered.set()
        if self._writer is None or self._writer.is_closing():
            return
        self._writer.write(packet)
        if self._writer.transport.get_write_buffer_size() > UNREAD_MAX:
            self._writer.transport.abort()

    async def reset(self) -> None:
        """Raises Failure when nothing answers."""
        for _ in range(ATTEMPTS):
            self._sink.on_packet(RESET)
            with contextlib.suppress(TimeoutError):
                return await asyncio.wait_for(self._reset_answered.wait(), ATTEMPT_SECONDS)
        raise Failure("silent", "nothing there answers HCI Reset")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A host has connected."""
        if self._writer is not None:
            writer.close()
            return
        self._writer = writer
        try:
            while True:
                self._sink.on_packet((await h4.read_packet(reader)).to_bytes())
        except h4.FramingError as error:
            print(f"{error}; closing the socket", file=sys.stderr, flush=True)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._writer = None
            writer.close()


def is_answer_to_reset(packet: bytes) -> bool:
    return packet[0] == h4.EVENT and any(
        packet[1] == code and packet[at + 1 : at + 3] == RESET[1:3] for code, at in RESET_ANSWERS
    )


KINDS = {
    errno.ENOENT: "missing",
    errno.ENODEV: "missing",
    errno.ENXIO: "missing",
    errno.EACCES: "permission",
    errno.EPERM: "permission",
    errno.EBUSY: "busy",
    errno.EAGAIN: "busy",
    errno.EAFNOSUPPORT: "unsupported",
    errno.EISDIR: "unsupported",
    errno.ENOTTY: "unsupported",
    errno.EPROTONOSUPPORT: "unsupported",
}

# By the names of usb1's classes: it is loaded only for USB.
USB_KINDS = {
    "USBErrorAccess": "permission",
    "USBErrorBusy": "busy",
    "USBErrorNoDevice": "missing",
    "USBErrorNotFound": "missing",
    "USBErrorNotSupported": "unsupported",
    # What it says where there is no USB at all.
    "USBErrorOther": "unsupported",
    "USBErrorIO": "silent",
    "USBErrorPipe": "silent",
    "USBErrorTimeout": "silent",
}


def failure(error: Exception) -> Failure:
    """What Bumble's transports raise, told apart."""
    if isinstance(error, Failure):
        return error
    message = str(error) or type(error).__name__
    number = error.errno if isinstance(error, OSError) else None
    # pyserial reports a port that another program holds as a plain error.
    if "exclusively lock" in message:
        return Failure("busy", message)
    if "libusb" in message and type(error).__name__ not in USB_KINDS:
        return Failure("unsupported", message)
    if number in KINDS:
        return Failure(KINDS[number], os.strerror(number))
    if "not found" in message:
        return Failure("missing", message)
    if "Inappropriate ioctl" in message or "not supported" in message:
        return Failure("unsupported", message)
    return Failure(USB_KINDS.get(type(error).__name__, "other"), message)


async def run(spec: str) -> int:
    try:
        transport = await open_transport(spec)
    except Exception as error:
        reason = failure(error)
        report("failed", kind=reason.kind, message=str(reason))
        return 1
    async with transport:
        bridge = Bridge(transport)
        try:
            await bridge.reset()
        except Failure as reason:
            report("failed", kind=reason.kind, message=str(reason))
            return 1
        server = await asyncio.start_server(bridge.serve, "127.0.0.1", 0)
        report("ready", hci=f"tcp:127.0.0.1:{server.sockets[0].getsockname()[1]}")
        ends = [asyncio.ensure_future(end_of_session()), asyncio.ensure_future(bridge.lost.wait())]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if bridge.lost.is_set():
            report("lost")
            return 1
        return 0


def main() -> None:
    parser = argparse.ArgumentParser(description="A controller of this computer, behind an H4 socket.")
    parser.add_argument("transport", help="serial:DEVICE[,SPEED][,rtscts], usb:INDEX or hci-socket:NUMBER")
    sys.exit(asyncio.run(run(parser.parse_args().transport)))


if __name__ == "__main__":
    main()
