"""
mcumgr-toolkit, as it is, updates a camera through smp_relay.py.

    smp_toolkit.py PORT BUNDLE

Prints one line of JSON for each step. The client holds Python's lock while it waits: this is a process of its own.
"""

import json
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


client = MCUmgrClient.udp("127.0.0.1", int(sys.argv[1]))
bundle = Path(sys.argv[2]).read_bytes()
client.set_timeout_ms(10_000)
assert client.os_echo("hello") == "hello"
say("parameters", said=str(client.os_mcumgr_parameters()))
before = states(client)
say("list", images=[(i.slot, i.version, i.active) for i in before])
say("slots", said=str(client.image_slot_info()))
client.use_auto_frame_size()
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
say("done")
