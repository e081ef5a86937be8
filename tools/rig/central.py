"""
A Bluetooth LE central on Bumble's host stack, driven by steps, which reports what it sees as lines of JSON.

    python tools/rig/central.py --hci tcp:127.0.0.1:41234 --name obscura-env

runs the tour: scan, connect, exchange the MTU, discover the database, read every value, subscribe to everything
that notifies, five notifications, disconnect, and scan until the camera advertises again. Where nobody can connect
it listens to five payloads instead. `--steps JSON` runs another list of steps, and `--steps -` takes them one by one, a JSON object a line, from standard input. The steps
and their parameters are the methods of `Steps`: {"do": "read", "characteristic": "2A6E"}.

Each step ends with {"event": "stepDone", …} or {"event": "failed", …}. Exit status 0 when every step succeeded.
"""

import argparse
import asyncio
import json
import logging
import os
import sys
from collections.abc import AsyncIterator
from typing import Any

from bumble.device import Device
from bumble.hci import Address
from bumble.transport import open_transport
from report import report
from steps import Steps, run_step

SESSION: list[dict[str, Any]] = [
    {"do": "connect"},
    {"do": "exchangeMtu", "mtu": 247},
    {"do": "discover"},
    {"do": "readAll"},
    {"do": "subscribeAll"},
    {"do": "notifications", "count": 5},
    {"do": "disconnect"},
    {"do": "scan", "again": True},
]


async def tour(steps: Steps) -> AsyncIterator[dict[str, Any]]:
    yield {"do": "scan"}
    for step in SESSION if steps.can_connect else [{"do": "listen", "count": 5}]:
        yield step


async def given_steps(text: str) -> AsyncIterator[dict[str, Any]]:
    """The steps of `--steps`: a JSON list, or the lines of standard input as they come."""
    if text != "-":
        for step in json.loads(text):
            yield step
        return
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    while line := await reader.readline():
        yield json.loads(line)


def bumble_transport(hci: str) -> str:
    """`tcp:HOST:PORT` and `unix:PATH`, as our tools write them, in Bumble's notation."""
    kind, _, rest = hci.partition(":")
    if kind not in ("tcp", "unix") or not rest:
        raise SystemExit(f"--hci wants tcp:HOST:PORT or unix:PATH, not {hci!r}")
    return f"{'tcp-client' if kind == 'tcp' else 'unix'}:{rest}"


async def run(arguments: argparse.Namespace) -> bool:
    async with await open_transport(bumble_transport(arguments.hci)) as transport:
        device = Device.with_hci(
            "obscura-central", Address(arguments.own_address), transport.source, transport.sink
        )
        await device.power_on()
        report("ready", address=arguments.own_address)
        steps = Steps(device, arguments.name, arguments.address)
        is_interactive = arguments.steps == "-"
        async for step in given_steps(arguments.steps) if arguments.steps else tour(steps):
            if not await run_step(steps, step) and not is_interactive:
                return False
        report("done")
        return True


async def run_in_time(arguments: argparse.Namespace) -> bool:
    try:
        return await asyncio.wait_for(run(arguments), arguments.timeout)
    except (asyncio.TimeoutError, TimeoutError):
        report("failed", step="all", message=f"the central was not through after {arguments.timeout:g} s")
    except (OSError, ConnectionError) as error:
        report("failed", step="all", message=f"no controller at {arguments.hci}: {error}")
    return False


def main() -> None:
    parser = argparse.ArgumentParser(description="A Bluetooth LE central, driven by steps.")
    parser.add_argument("--hci", required=True, help="its controller: tcp:HOST:PORT or unix:PATH")
    parser.add_argument("--name", help="the camera's advertised name")
    parser.add_argument("--address", help="the camera's address")
    parser.add_argument(
        "--own-address", default="C2:00:00:00:00:01", help="static random address of the central"
    )
    parser.add_argument(
        "--steps", help="a JSON list, or - for lines on standard input; the tour when left out"
    )
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds for everything (default: 60)")
    arguments = parser.parse_args()
    logging.basicConfig(level="ERROR")
    succeeded = asyncio.run(run_in_time(arguments))
    sys.stdout.flush()
    # Bumble leaves threads behind when its controller went away first.
    os._exit(0 if succeeded else 1)


if __name__ == "__main__":
    main()
