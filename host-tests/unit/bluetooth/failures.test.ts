/** What the controller refuses, and what costs nothing while no handler is set. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { createBluetooth } from "../../../firmware/bluetooth/bluetooth.ts";
import { createClient } from "../../support/gatt.ts";
import { createRig, HANDLE, type Rig } from "../../support/rig.ts";
import { commandComplete, commandStatus, lePacket } from "../../support/scripted-controller.ts";

const DISCONNECT = 0x0406;
const SET_ADVERTISING_PARAMETERS = 0x2006;
const COMMAND_DISALLOWED = 0x0c;

async function start(): Promise<{ rig: Rig; ble: InstanceType<ReturnType<typeof createBluetooth>["BLE"]> }> {
  const rig = createRig();
  const ble = new (createBluetooth(rig.host).BLE)();
  const on = ble.active(true);
  await rig.settle();
  assert.equal(await on, true);
  return { rig, ble };
}

describe("bluetooth: failures of the controller", () => {
  it("gapAdvertise rejects when it is refused, and may be called again", async () => {
    const { rig, ble } = await start();
    rig.controller.script(SET_ADVERTISING_PARAMETERS, () => [
      commandComplete(SET_ADVERTISING_PARAMETERS, [COMMAND_DISALLOWED]),
    ]);
    const refused = assert.rejects(ble.gapAdvertise(100_000), { status: COMMAND_DISALLOWED });
    await rig.settle();
    await refused;
    assert.equal(rig.host.advertiser.advertising, false);
    const started = ble.gapAdvertise(100_000);
    await rig.settle();
    await started;
  });

  it("gapDisconnect logs that it was refused, and the link stays", async () => {
    const { rig, ble } = await start();
    void ble.gapAdvertise(100_000);
    await rig.settle();
    await rig.connect();
    rig.controller.script(DISCONNECT, () => [commandStatus(DISCONNECT, COMMAND_DISALLOWED)]);
    assert.equal(ble.gapDisconnect(HANDLE), true);
    await rig.settle();
    assert.match(rig.log.at(-1)![1], /^bluetooth: gapDisconnect\(64\): HciError/);
    assert.equal(rig.host.connections.size, 1);
  });

  it("a radio that does not start rejects active(true)", async () => {
    const rig = createRig();
    const ble = new (createBluetooth(rig.host).BLE)();
    rig.controller.mute(0x0c03);
    const refused = assert.rejects(ble.active(true), { code: "controller-timeout" });
    await rig.clock.advance(60_000);
    await refused;
    assert.equal(ble.active(), false);
    assert.throws(() => ble.gapAdvertise(100_000), { code: "radio-off" });
  });

  it("an update of the link's timing that failed is reported with its status and what holds", async () => {
    const { rig, ble } = await start();
    void ble.gapAdvertise(100_000);
    await rig.settle();
    await rig.connect();
    const events: unknown[] = [];
    ble.irq((...event) => void events.push(event));
    const { intervalUs, latency, supervisionTimeoutMs } = rig.host.connections.get(HANDLE)!.parameters;
    rig.controller.deliver(lePacket(0x03, [0x3b, HANDLE, 0, 0x50, 0, 9, 0, 0x60, 0]));
    await rig.settle();
    assert.deepEqual(events, [[27, [HANDLE, intervalUs / 1250, latency, supervisionTimeoutMs / 10, 0x3b]]]);
  });
});

describe("bluetooth: a handler that is set and taken away", () => {
  it("is called no more, and nothing is left on the server", async () => {
    const client = await createClient();
    const { host } = client.rig;
    const ble = new (createBluetooth(host).BLE)();
    const seen: number[] = [];
    ble.irq((event) => seen.push(event));
    await client.read();
    await client.write([1]);
    assert.deepEqual(seen, [4, 3]);
    ble.irq(null);
    assert.equal(host.gatt.isWatched, false);
    await client.read();
    await client.write([1]);
    await client.rig.disconnect();
    assert.deepEqual(seen, [4, 3]);
  });

  it("is called once for each event, however often it was set", async () => {
    const client = await createClient();
    const ble = new (createBluetooth(client.rig.host).BLE)();
    const seen: number[] = [];
    for (let turn = 0; turn < 3; turn++) ble.irq((event) => seen.push(event));
    await client.rig.disconnect();
    assert.deepEqual(seen, [2]);
  });
});
