"""
Virtual controllers on one radio, each behind an H4 socket for one host.

    python tools/rig/controller.py [--kind rootcanal|bumble] [--hosts 2] [--unix DIRECTORY] [--anonymous] [--log FILE]

Prints one line of JSON when ready:

    {"event": "ready", "kind": "rootcanal",
     "controllers": [{"hci": "tcp:127.0.0.1:41234", "address": "DA:4C:10:00:00:01"}, ...]}

A host gets a fresh controller with each connection; a second connection to the same socket replaces the first.
When a host's socket closes, its controller is gone and its peers see a supervision timeout (0x08).

Ends when standard input closes or on SIGTERM; nothing stays behind.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import h4


class Controller(Protocol):
    """A virtual controller, whoever wrote it."""

    def receive(self, packet: h4.Packet) -> None: ...

    def close(self) -> None: ...


class Link(Protocol):
    """The radio that controllers share."""

    def attach(self, address: str, send: Callable[[h4.Packet], None]) -> Controller: ...


ANONYMOUS = "00:00:00:00:00:00"
"""What controllers without a public address report, as those of many dongles are."""


class Slot:
    """One H4 socket and the controller of whoever is connected to it."""

    def __init__(self, link: Link, index: int, is_anonymous: bool) -> None:
        self.address = ANONYMOUS if is_anonymous else f"DA:4C:10:00:00:{index + 1:02X}"
        self.hci = ""
        self._link = link
        self._writer: asyncio.StreamWriter | None = None
        self._socket_path: Path | None = None

    async def listen(self, path: Path | None) -> None:
        """Opens the socket: a unix socket at `path`, else TCP on a free port of this machine alone."""
        if path is None:
            server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
            self.hci = f"tcp:127.0.0.1:{server.sockets[0].getsockname()[1]}"
        else:
            await asyncio.start_unix_server(self._serve, path)
            self._socket_path = path
            self.hci = f"unix:{path}"

    def close(self) -> None:
        if self._socket_path is not None:
            self._socket_path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer = writer

        def send(packet: h4.Packet) -> None:
            if not writer.is_closing():
                writer.write(packet.to_bytes())

        controller = self._link.attach(self.address, send)
        try:
            while not writer.is_closing():
                controller.receive(await h4.read_packet(reader))
        except h4.FramingError as error:
            print(f"{self.hci}: {error}; closing the socket", file=sys.stderr, flush=True)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            # The host went away, or the session ends; asyncio's server reports a cancelled task as a fault.
            pass
        finally:
            controller.close()
            writer.close()
            if self._writer is writer:
                self._writer = None


def create_link(kind: str) -> Link:
    # Imported late, so that the fallback works where rootcanal's library does not load.
    if kind == "rootcanal":
        from rootcanal_link import RootcanalLink

        return RootcanalLink()
    from bumble_link import BumbleLink

    return BumbleLink()


def take_standard_output(log: Path | None) -> int:
    """
    Returns a descriptor for our own lines, and sends everything else that is written to standard output to
    `log`: rootcanal's library logs there.
    """
    own = os.dup(sys.stdout.fileno())
    sink = os.open(log or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(sink, sys.stdout.fileno())
    os.close(sink)
    return own


async def end_of_session() -> None:
    """Returns when standard input closes or a signal asks us to end."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)

    def read() -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            loop.remove_reader(sys.stdin.fileno())
            ended.set()

    try:
        loop.add_reader(sys.stdin.fileno(), read)
    except PermissionError:
        # A plain file or /dev/null as standard input: only a signal ends us.
        pass
    await ended.wait()


async def run(arguments: argparse.Namespace) -> None:
    output = take_standard_output(arguments.log)
    link = create_link(arguments.kind)
    slots = [Slot(link, index, arguments.anonymous and index > 0) for index in range(arguments.hosts)]
    for index, slot in enumerate(slots):
        await slot.listen(arguments.unix and arguments.unix / f"hci{index}")
    ready = {
        "event": "ready",
        "kind": arguments.kind,
        "controllers": [{"hci": slot.hci, "address": slot.address} for slot in slots],
    }
    os.write(output, (json.dumps(ready) + "\n").encode())
    await end_of_session()
    for slot in slots:
        slot.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Virtual controllers on one radio, each behind an H4 socket."
    )
    parser.add_argument("--kind", choices=("rootcanal", "bumble"), default="rootcanal")
    parser.add_argument("--hosts", type=int, default=2, help="how many controllers (default: 2)")
    parser.add_argument("--unix", type=Path, metavar="DIRECTORY", help="unix sockets hci0, hci1, … in here")
    parser.add_argument("--anonymous", action="store_true", help="all but the first have no public address")
    parser.add_argument("--log", type=Path, metavar="FILE", help="the log of rootcanal's library goes here")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
