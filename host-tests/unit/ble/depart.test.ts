import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { COMMAND_TIMEOUT_MS } from "../../../firmware/ble/hci/command-queue.ts";
import { leReadFilterAcceptListSize } from "../../../firmware/ble/hci/commands/le-scanning.ts";
import { FAREWELL_MS } from "../../../firmware/ble/radio.ts";
import { ATT, createConnectedRig, createRig, HANDLE, type Rig } from "../../support/rig.ts";
import { aclFrame, disconnectionComplete, SILENCE } from "../../support/scripted-controller.ts";

const RESET = 0x0c03;
const DISCONNECT = 0x0406;
const SET_ADVERTISING_DATA = 0x2008;
const PEER = new Uint8Array(6);
const RESET_COMMAND = "01 03 0c 00";

/** Records what anybody above learns. */
function watch(rig: Rig): string[] {
  const news: string[] = [];
  rig.host.observe({
    onConnected: () => news.push("connected"),
    onStopping: () => news.push("stopping"),
    onStopped: () => news.push("stopped"),
    onRadioLost: () => news.push("lost"),
    onDisconnected: () => news.push("disconnected"),
  });
  return news;
}

/** Records how a promise of the application's settles. */
function settles(news: string[], what: string, promise: Promise<unknown>): void {
  promise.then(
    () => news.push(`${what} fulfilled`),
    (error: { code: string }) => news.push(`${what} rejected ${error.code}`),
  );
}

async function started(rig: Rig): Promise<void> {
  await Promise.all([rig.host.activate(), rig.settle()]);
  rig.controller.take();
}

describe("Host: the end of a camera's run", () => {
  it("ends links with 0x15, resets the controller and closes the line, and nothing above learns of it", async () => {
    const rig = await createConnectedRig();
    const second = rig.aioble.advertise({ intervalUs: 100_000 });
    await rig.settle();
    await rig.connect(HANDLE + 1);
    await second;
    rig.controller.take();
    const news = watch(rig);
    const off = rig.host.depart();
    await rig.settle();
    assert.deepEqual(rig.controller.take(), ["01 06 04 03 40 00 15", "01 06 04 03 41 00 15"]);
    rig.controller.deliver(disconnectionComplete(HANDLE, 0x16));
    await rig.settle();
    assert.deepEqual(rig.controller.take(), [], "the other one has not ended");
    rig.controller.deliver(disconnectionComplete(HANDLE + 1, 0x16));
    await Promise.all([off, rig.settle()]);
    assert.deepEqual(rig.controller.take(), [RESET_COMMAND]);
    assert.equal(rig.controller.closes, 1);
    assert.deepEqual(news, []);
    assert.equal(rig.clock.pending, 0);
  });

  it("takes advertising off the air first; who waits for a central waits on", async () => {
    const rig = createRig();
    await started(rig);
    const news = watch(rig);
    settles(news, "advertise", rig.aioble.advertise({ intervalUs: 100_000 }));
    await rig.settle();
    rig.controller.take();
    await Promise.all([rig.host.depart(), rig.settle()]);
    assert.deepEqual(rig.controller.take(), ["01 0a 20 01 00", RESET_COMMAND]);
    await rig.clock.advance(60_000);
    assert.deepEqual(news, []);
  });

  it("what waits for the controller, or is asked of it from now on, never settles", async () => {
    const rig = await createConnectedRig();
    const news = watch(rig);
    const { aioble, connection, host } = rig;
    rig.controller.script(SET_ADVERTISING_DATA, SILENCE);
    settles(news, "the command on its way", aioble.advertise({ intervalUs: 100_000 }));
    await rig.settle();
    settles(news, "the one behind it", host.hci.send(leReadFilterAcceptListSize, {}));
    settles(news, "the end of the link", connection.disconnected());
    const off = host.depart();
    settles(news, "a later command", host.hci.send(leReadFilterAcceptListSize, {}));
    settles(news, "a search", new aioble.Device(0, PEER).connect({ timeoutMs: 60_000 }));
    rig.controller.deliver(aclFrame(HANDLE, ATT, [0x0a, 3, 0]), disconnectionComplete(HANDLE, 0x13));
    await rig.clock.advance(FAREWELL_MS + 2 * COMMAND_TIMEOUT_MS);
    await off;
    assert.deepEqual(news, []);
    assert.equal(rig.controller.closes, 1);
  });

  for (const [what, opcode] of [
    ["the end of a link", DISCONNECT],
    ["the reset", RESET],
  ] as const) {
    it(`takes no longer than its time when the controller does not answer ${what}`, async () => {
      const rig = await createConnectedRig();
      const news = watch(rig);
      rig.controller.script(opcode, SILENCE);
      const off = rig.host.depart();
      await rig.clock.advance(FAREWELL_MS + COMMAND_TIMEOUT_MS);
      await off;
      assert.deepEqual(news, []);
      assert.equal(rig.controller.closes, 1);
      assert.equal(rig.clock.pending, 0);
    });
  }

  it("nor when the line breaks, and the controller is not started again for it", async () => {
    const rig = await createConnectedRig();
    const news = watch(rig);
    const off = rig.host.depart();
    rig.controller.fail("unplugged");
    await rig.clock.advance(FAREWELL_MS);
    await off;
    assert.deepEqual(news, []);
    assert.equal(rig.controller.opens, 1);
    assert.equal(rig.clock.pending, 0);
  });

  it("gives up a start, waits for the end of a session that is being ended, and is one however often it is asked for", async () => {
    const starting = createRig();
    const news = watch(starting);
    starting.controller.mute(RESET);
    settles(news, "activate", starting.host.activate());
    await starting.settle();
    await Promise.all([starting.host.depart(), starting.host.depart(), starting.settle()]);
    assert.equal(starting.controller.closes, 1);
    await starting.clock.advance(60_000);
    assert.deepEqual(news, []);
    const stopping = await createConnectedRig();
    const heard = watch(stopping);
    const stopped = stopping.host.deactivate();
    const off = Promise.all([stopping.host.depart(), stopping.host.depart()]);
    await stopping.disconnect(HANDLE, 0x16);
    await Promise.all([stopped, off, stopping.settle()]);
    assert.deepEqual(heard, ["stopping", "disconnected", "stopped"], "what the application asked for");
    assert.deepEqual(stopping.controller.take(), ["01 06 04 03 40 00 15", RESET_COMMAND]);
  });

  it("with the radio off is over at once", async () => {
    const rig = createRig();
    await rig.host.depart();
    assert.equal(rig.controller.opens, 0);
  });
});
