/** Controllers that die while nothing is asked of them, and those that live and have nothing to say. */
import { SILENCE_MS } from "../../firmware/ble/hci/hci.ts";
import { isOnAir } from "../support/advertising.ts";
import { deepEqual, equal, ok } from "../support/assert.ts";
import { le16 } from "../support/bytes.ts";
import { createRig, HANDLE, type Rig } from "../support/rig.ts";
import { commandComplete, eventPacket, SILENCE } from "../support/scripted-controller.ts";
import { describe, it } from "../support/suite.ts";

const READ_BD_ADDR = 0x1009;
const ADDRESS = [0x01, 0x00, 0x00, 0xee, 0xff, 0x00];
const OPTIONS = { intervalUs: 100_000, name: "obscura" };
/** A look, the next one, the answer's time, and the start. */
const RECOVERY_MS = 2 * SILENCE_MS + 3000;

async function createWatchedRig(): Promise<Rig> {
  const rig = createRig();
  rig.host.hci.silenceMs = SILENCE_MS;
  const on = rig.host.activate();
  await rig.settle();
  await on;
  rig.controller.take();
  return rig;
}

/** How often the controller was asked for its address since what it was sent was taken. */
function questions(rig: Rig): number {
  return rig.controller.sent.filter(
    (packet) => packet[0] === 1 && (packet[1]! | (packet[2]! << 8)) === READ_BD_ADDR,
  ).length;
}

function logged(rig: Rig): string[] {
  return rig.log.filter(([level]) => level === "error").map(([, message]) => message);
}

const LOST =
  "host: The Bluetooth controller did not answer Read BD_ADDR within 2000 ms; check its power, wiring and baud rate. Starting the controller again.";

describe("aioble: a controller that dies while nothing is asked of it", () => {
  it("advertising: goes on the air again, and advertise() gets its connection", async () => {
    const rig = await createWatchedRig();
    const advertising = rig.aioble.advertise(OPTIONS);
    await rig.settle();
    ok(isOnAir(rig.controller.take()));
    rig.controller.script(READ_BD_ADDR, SILENCE);
    await rig.clock.advance(RECOVERY_MS);
    equal(rig.controller.opens, 2);
    deepEqual(logged(rig), [LOST]);
    ok(isOnAir(rig.controller.take()), "on the air again");
    await rig.connect();
    equal((await advertising).isConnected(), true);
  });

  it("an idle link: disconnected() resolves", async () => {
    const rig = await createWatchedRig();
    const advertising = rig.aioble.advertise(OPTIONS);
    await rig.settle();
    await rig.connect();
    const connection = await advertising;
    const ended = connection.disconnected();
    rig.controller.script(READ_BD_ADDR, SILENCE);
    await rig.clock.advance(RECOVERY_MS);
    await ended;
    equal(connection.isConnected(), false);
    deepEqual(logged(rig), [LOST]);
  });

  it("scanning: the controller is started again", async () => {
    const rig = await createWatchedRig();
    const scan = rig.aioble.scan();
    const next = scan.next().then(
      () => "over",
      (error: { code?: string }) => error.code,
    );
    await rig.settle();
    rig.controller.script(READ_BD_ADDR, SILENCE);
    await rig.clock.advance(RECOVERY_MS);
    equal(rig.controller.opens, 2);
    deepEqual(logged(rig), [LOST]);
    const left = scan.return?.();
    await rig.settle();
    await left;
    await next;
  });

  it("later too: after hours in which it answered each time", async () => {
    const rig = await createWatchedRig();
    rig.aioble.advertise(OPTIONS).catch(() => {});
    await rig.clock.advance(100 * SILENCE_MS);
    // Its answer is a sign of life, so that only the look behind that asks again.
    ok(questions(rig) >= 49, "asked in every other look");
    equal(rig.controller.opens, 1);
    rig.controller.script(READ_BD_ADDR, SILENCE);
    await rig.clock.advance(RECOVERY_MS);
    equal(rig.controller.opens, 2);
    // And what was started in its place is watched as well.
    rig.controller.script(READ_BD_ADDR, SILENCE);
    await rig.clock.advance(RECOVERY_MS);
    equal(rig.controller.opens, 3);
  });
});

describe("aioble: a controller that lives", () => {
  it("is not asked while packets come: events, data, completed packets", async () => {
    const rig = await createWatchedRig();
    await rig.connect();
    rig.controller.sent.length = 0;
    for (const packet of [
      eventPacket(0xff, [1]),
      eventPacket(0x13, [1, ...le16(HANDLE), ...le16(0)]),
      new Uint8Array([2, ...le16(HANDLE | 0x2000), 5, 0, 1, 0, 0x3f, 0, 0]),
    ]) {
      rig.controller.deliver(packet);
      await rig.clock.advance(SILENCE_MS);
      equal(questions(rig), 0);
    }
    await rig.clock.advance(SILENCE_MS);
    equal(questions(rig), 1);
  });

  it("may be slow, or refuse: its answer is what counts", async () => {
    const rig = await createWatchedRig();
    rig.controller.script(READ_BD_ADDR, SILENCE, () => [commandComplete(READ_BD_ADDR, [0x0c])]);
    while (questions(rig) === 0) await rig.clock.advance(100);
    await rig.clock.advance(1700);
    rig.controller.deliver(commandComplete(READ_BD_ADDR, [0, ...ADDRESS]));
    await rig.clock.advance(4 * SILENCE_MS);
    ok(questions(rig) >= 3);
    equal(rig.controller.opens, 1);
    deepEqual(logged(rig), []);
  });

  it("is asked nothing any more once the radio is off", async () => {
    const rig = await createWatchedRig();
    const off = rig.host.deactivate();
    await rig.settle();
    await off;
    rig.controller.sent.length = 0;
    equal(rig.clock.pending, 0);
    await rig.clock.advance(4 * SILENCE_MS);
    deepEqual(rig.controller.sent, []);
  });

  it("is asked nothing any more once the camera departs", async () => {
    const rig = await createWatchedRig();
    const gone = rig.host.depart();
    await rig.settle();
    await gone;
    equal(rig.clock.pending, 0);
  });
});
