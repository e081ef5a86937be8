import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { DeviceConnection } from "../../../firmware/aioble/device-connection.ts";
import { ATT, createRig, HANDLE, type Rig } from "../../support/rig.ts";
import { aclFrame, connectionComplete, disconnectionComplete } from "../../support/scripted-controller.ts";

const ENABLE = "01 0a 20 01 01";
/** Eight intervals of the 30 ms that the rig's links have. */
const HOLD_MS = 240;
/** An advertisement for which a link came up that has carried nothing. */
async function setUp(options = {}) {
  const rig = createRig();
  let returned: DeviceConnection | undefined;
  const advertising = rig.aioble.advertise({ intervalUs: 100_000, name: "a", ...options });
  advertising.then(
    (connection) => {
      returned = connection;
    },
    () => {},
  );
  await rig.settle();
  rig.controller.deliver(connectionComplete(HANDLE));
  await rig.settle();
  rig.controller.take();
  return { rig, advertising, returned: () => returned };
}

function hear(rig: Rig): Promise<void> {
  rig.controller.deliver(aclFrame(HANDLE, ATT, [0x0a, 3, 0]));
  return rig.settle();
}

describe("advertise(): links that never were", () => {
  it("returns a connection with the first data of its peer, and leaves no timer", async () => {
    const { rig, returned } = await setUp();
    assert.equal(returned(), undefined);
    await hear(rig);
    assert.equal(returned()?.link.handle, HANDLE);
    assert.equal(rig.clock.pending, 0);
  });

  it("returns one without data after eight of its intervals, or two seconds", async () => {
    const { rig, returned } = await setUp();
    await rig.clock.advance(HOLD_MS - 1);
    assert.equal(returned(), undefined);
    await rig.clock.advance(1);
    assert.equal(returned()?.isConnected(), true);
    assert.equal(rig.clock.pending, 0);
  });

  it("goes on advertising when the link could not be established (0x3E)", async () => {
    const { rig, returned } = await setUp();
    await rig.clock.advance(HOLD_MS - 1);
    rig.controller.deliver(disconnectionComplete(HANDLE, 0x3e));
    await rig.settle();
    assert.equal(rig.controller.take().at(-1), ENABLE);
    assert.equal(returned(), undefined);
    await rig.connect();
    assert.equal(returned()?.isConnected(), true);
    assert.equal(rig.clock.pending, 0);
  });

  it("returns one whose peer left at once: it was there", async () => {
    const { rig, returned } = await setUp();
    await rig.disconnect(HANDLE, 0x13);
    assert.equal(returned()?.disconnectReason, 0x13);
    assert.deepEqual(rig.controller.take(), []);
    assert.equal(rig.clock.pending, 0);
  });

  it("goes on when the controller fails before, once it is back", async () => {
    const { rig, returned } = await setUp();
    rig.controller.fail("unplugged");
    await rig.settle();
    assert.equal(rig.controller.take().at(-1), ENABLE);
    await rig.connect();
    assert.equal(returned()?.isConnected(), true);
    assert.equal(rig.clock.pending, 0);
  });

  it("a deadline that passes meanwhile returns the connection", async () => {
    const { rig, advertising } = await setUp({ timeoutMs: 100 });
    await rig.clock.advance(100);
    assert.equal((await advertising).isConnected(), true);
    assert.equal(rig.clock.pending, 0);
  });

  it("a later advertise() is not disturbed by the end of a connection that was returned", async () => {
    const { rig, returned } = await setUp();
    await hear(rig);
    const first = returned();
    const second = rig.aioble.advertise({ intervalUs: 100_000, name: "a" });
    await rig.settle();
    rig.controller.take();
    await rig.disconnect(HANDLE, 0x3e);
    assert.equal(first?.disconnectReason, 0x3e);
    assert.deepEqual(rig.controller.take(), []);
    await rig.connect();
    assert.equal((await second).isConnected(), true);
  });
});
