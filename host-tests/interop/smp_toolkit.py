"""
mcumgr-toolkit, as it is, updates a camera through smp_relay.py.

    smp_toolkit.py PORT BUNDLE OTHER

`BUNDLE` is tried and confirmed; `OTHER` is uploaded, and erased.
Prints one line of JSON for each step. What is asked of the camera has the client's own time-out. The client holds Python's lock while it waits: this is a process of its own.
"""

import json
import socket
import sys
import time
from pathlib import Path
from typing import Any

from mcumgr_toolkit import MCUmgrClient

RETURN_S = 60.0


def say(step: str, **facts: Any) -> None:
    print(json.dumps({"step": step, **facts}), flush=True)


def states(client: MCUmgrClient) -> list[Any]:
    deadline = time.monotonic() + RETURN_S
    while True:
        try:
            return list(client.image_get_state())
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


relay = ("127.0.0.1", int(sys.argv[1]))
client = MCUmgrClient.udp(*relay)
bundle = Path(sys.argv[2]).read_bytes()
assert client.os_echo("hello") == "hello"
say("parameters", said=str(client.os_mcumgr_parameters()))
before = states(client)
say("list", images=[(i.slot, i.version, i.active) for i in before])
say("slots", said=str(client.image_slot_info()))
client.use_auto_frame_size()
offsets: list[int] = []


def until_a_third(done: int, _total: int) -> None:
    offsets.append(done)
    if len(bundle) // 3 < done < len(bundle):
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"!", relay)
        raise InterruptedError


try:
    client.image_upload(bundle, progress=until_a_third)
except Exception as ended:
    say("cut", offsets=offsets, error=repr(ended))
states(client)
resumed: list[int] = []
client.image_upload(bundle, progress=lambda done, _total: resumed.append(done))
assert resumed[0] > len(bundle) // 3, f"not resumed: {resumed}"
say("resumed", offsets=resumed)
client.firmware_update(bundle)
say("updated")
deadline = time.monotonic() + RETURN_S
while True:
    running = next(image for image in states(client) if image.active)
    if running.hash != before[0].hash:
        break
    assert time.monotonic() < deadline, "the new version does not run"
    time.sleep(0.5)
say("trial", version=running.version, confirmed=running.confirmed)
client.image_set_state(None, True)
running = next(image for image in states(client) if image.active)
assert running.confirmed, running
client.image_upload(Path(sys.argv[3]).read_bytes())
assert len(states(client)) == 2
client.image_erase()
assert [image.hash for image in states(client)] == [running.hash]
say("erased")
say("done")
