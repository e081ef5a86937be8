/** Commands that the controller leaves without an answer, and a healthy controller after its restart: what goes on. */
import { createBluetooth } from "../../firmware/bluetooth/bluetooth.ts";
import { isOnAir } from "../support/advertising.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { createRig, HANDLE, type Rig } from "../support/rig.ts";
import { SILENCE } from "../support/scripted-controller.ts";
import { describe, it } from "../support/suite.ts";

const RESET = 0x0c03;
const DISCONNECT = 0x0406;
const SET_ADDRESS = 0x2005;
const PARAMETERS = 0x2006;
const DATA = 0x2008;
const RESPONSE = 0x2009;
const ENABLE = 0x200a;
const STATES = 0x201c;

const OPTIONS = { intervalUs: 100_000, name: "obscura" };
/** Long enough for the controller to be given up and started again. */
const RECOVERY_MS = 3000;

async function createActiveRig(): Promise<Rig> {
  const rig = createRig();
  const on = rig.host.activate();
  await rig.settle();
  await on;
  rig.controller.take();
  return rig;
}

/** Leaves the next commands with this opcode without an answer. */
function loseAt(rig: Rig, opcode: number, times = 1): void {
  for (let n = 0; n < times; n++) rig.controller.script(opcode, SILENCE);
}

/** A central connects to what is on the air. */
async function connectTo(rig: Rig, handle = HANDLE): Promise<void> {
  ok(isOnAir(rig.controller.take()), "on the air");
  await rig.connect(handle);
}

describe("aioble: a command without an answer, then a healthy controller", () => {
  for (const [name, opcode] of [
    ["LE Set Advertising Parameters", PARAMETERS],
    ["LE Set Advertising Data", DATA],
    ["LE Set Scan Response Data", RESPONSE],
    ["LE Set Advertising Enable", ENABLE],
  ] as const) {
    it(`${name}: advertise() goes on waiting, and its connection comes`, async () => {
      const rig = await createActiveRig();
      loseAt(rig, opcode);
      const advertising = rig.aioble.advertise(OPTIONS);
      await rig.clock.advance(RECOVERY_MS);
      equal(rig.controller.opens, 2);
      await connectTo(rig);
      equal((await advertising).isConnected(), true);
    });

    it(`${name}: connections() goes on, before its first connection and after it`, async () => {
      const rig = await createActiveRig();
      loseAt(rig, opcode);
      const stream = rig.aioble.connections(OPTIONS);
      const first = stream.next();
      await rig.clock.advance(RECOVERY_MS);
      loseAt(rig, opcode);
      await connectTo(rig);
      ok((await first).value);
      const second = stream.next();
      await rig.clock.advance(RECOVERY_MS);
      await connectTo(rig, HANDLE + 1);
      equal((await second).value!.isConnected(), true);
      const left = stream.return!();
      await rig.settle();
      await left;
    });

    it(`${name}: broadcast() resolves once it is on the air`, async () => {
      const rig = await createActiveRig();
      loseAt(rig, opcode);
      const started = rig.aioble.broadcast({
        intervalUs: 100_000,
        name: "obscura",
        manufacturer: [0xffff, new Uint8Array(20)],
      });
      await rig.clock.advance(RECOVERY_MS);
      const feed = await started;
      ok(isOnAir(rig.controller.take()));
      await Promise.all([feed.stop(), rig.settle()]);
      equal(isOnAir(rig.controller.take()), false);
    });

    it(`${name}: gapAdvertise() resolves once it is on the air`, async () => {
      const rig = await createActiveRig();
      const ble = new (createBluetooth(rig.host).BLE)();
      loseAt(rig, opcode);
      const started = ble.gapAdvertise(100_000, { respData: new Uint8Array([2, 0x0a, 0]) });
      await rig.clock.advance(RECOVERY_MS);
      await started;
      ok(isOnAir(rig.controller.take()));
    });
  }

  it("LE Set Random Address for a private address: broadcast() resolves once it is on the air", async () => {
    const rig = await createActiveRig();
    rig.aioble.config({ addrMode: 3 });
    loseAt(rig, SET_ADDRESS);
    const started = rig.aioble.broadcast({ intervalUs: 100_000 });
    await rig.clock.advance(RECOVERY_MS);
    await started;
    ok(isOnAir(rig.controller.take()));
  });

  it("LE Read Supported States beside a link: advertise() goes on, though the link is lost", async () => {
    const rig = await createActiveRig();
    const first = rig.aioble.advertise(OPTIONS);
    await rig.settle();
    await rig.connect();
    const lost = (await first).disconnected();
    loseAt(rig, STATES);
    const second = rig.aioble.advertise(OPTIONS);
    await rig.clock.advance(RECOVERY_MS);
    await lost;
    await connectTo(rig, HANDLE + 1);
    equal((await second).isConnected(), true);
  });

  it("Disconnect: the link is gone, disconnect() resolves, and another advertises", async () => {
    const rig = await createActiveRig();
    const stream = rig.aioble.connections(OPTIONS);
    const first = stream.next();
    await rig.settle();
    await rig.connect();
    const { value: connection } = await first;
    loseAt(rig, DISCONNECT);
    const ended = connection!.disconnect({ timeoutMs: 5000 });
    await rig.clock.advance(RECOVERY_MS);
    await ended;
    const second = stream.next();
    await rig.settle();
    await connectTo(rig);
    equal((await second).value!.isConnected(), true);
  });

  it("a change of the payload: updateAdvertising() does not fail, and the newest is on the air", async () => {
    const rig = await createActiveRig();
    const advertising = rig.aioble.advertise(OPTIONS);
    await rig.settle();
    rig.controller.take();
    loseAt(rig, DATA);
    const updated = rig.aioble.updateAdvertising({ name: "newest" });
    await rig.clock.advance(RECOVERY_MS);
    await updated;
    const sent = rig.controller.take();
    ok(isOnAir(sent));
    const newest = "07 09 6e 65 77 65 73 74";
    ok(
      sent
        .filter((packet) => packet.startsWith("01 08 20"))
        .at(-1)!
        .includes(newest),
    );
    await rig.connect();
    await advertising;
  });

  it("the change to a slower interval: it is made when the controller is back", async () => {
    const rig = await createActiveRig();
    const advertising = rig.aioble.advertise({
      ...OPTIONS,
      intervalUs: 1_000_000,
      fast: { intervalUs: 20_000, durationMs: 500 },
    });
    await rig.settle();
    loseAt(rig, ENABLE);
    await rig.clock.advance(500 + RECOVERY_MS);
    const sent = rig.controller.take();
    ok(isOnAir(sent));
    ok(
      sent
        .filter((packet) => packet.startsWith("01 06 20"))
        .at(-1)!
        .startsWith("01 06 20 0f 40 06 40 06"),
    );
    await rig.connect();
    await advertising;
  });

  it("switching advertising off: the timeout is reported, and nothing is on the air afterwards", async () => {
    const rig = await createActiveRig();
    const ended = rejects(rig.aioble.advertise({ ...OPTIONS, timeoutMs: 1000 }), { code: "timeout" });
    await rig.settle();
    rig.controller.take();
    loseAt(rig, ENABLE);
    await rig.clock.advance(1000 + RECOVERY_MS);
    await ended;
    equal(isOnAir(rig.controller.take()), false);
    const next = rig.aioble.advertise(OPTIONS);
    await rig.settle();
    await connectTo(rig);
    await next;
  });

  it("gapAdvertise(null): resolves, and nothing is on the air afterwards", async () => {
    const rig = await createActiveRig();
    const ble = new (createBluetooth(rig.host).BLE)();
    await Promise.all([ble.gapAdvertise(100_000), rig.settle()]);
    rig.controller.take();
    loseAt(rig, ENABLE);
    const ended = ble.gapAdvertise(null);
    await rig.clock.advance(RECOVERY_MS);
    await ended;
    equal(isOnAir(rig.controller.take()), false);
  });

  it("while it is started again, at Reset too: another attempt, and advertise() goes on", async () => {
    const rig = await createActiveRig();
    loseAt(rig, PARAMETERS);
    loseAt(rig, RESET);
    const advertising = rig.aioble.advertise(OPTIONS);
    await rig.clock.advance(2 * RECOVERY_MS);
    equal(rig.controller.opens, 3);
    await connectTo(rig);
    await advertising;
  });

  it("after the restart as well: advertise() goes on after the second", async () => {
    const rig = await createActiveRig();
    loseAt(rig, PARAMETERS, 2);
    const advertising = rig.aioble.advertise(OPTIONS);
    await rig.clock.advance(2 * RECOVERY_MS);
    await connectTo(rig);
    await advertising;
    deepEqual(rig.log.filter(([level]) => level === "error").length, 2);
  });

  it("each time: advertise() fails at the third in the error, and no earlier", async () => {
    const rig = await createActiveRig();
    loseAt(rig, PARAMETERS, 3);
    const failed = rejects(rig.aioble.advertise(OPTIONS), {
      code: "controller-timeout",
      message: /LE Set Advertising Parameters/,
    });
    await rig.clock.advance(3 * RECOVERY_MS);
    await failed;
    const next = rig.aioble.advertise(OPTIONS);
    await rig.settle();
    await connectTo(rig);
    await next;
  });

  it("the radio is switched off while it waits for the restart: advertise() ends in radio-off", async () => {
    const rig = await createActiveRig();
    loseAt(rig, PARAMETERS);
    loseAt(rig, RESET);
    const ended = rejects(rig.aioble.advertise(OPTIONS), { code: "radio-off" });
    await rig.clock.advance(2500);
    const off = rig.aioble.stop();
    await rig.clock.advance(RECOVERY_MS);
    await Promise.all([ended, off]);
    equal(rig.host.advertiser.advertising, false);
  });

  it("a signal ends advertise() while it waits for the restart, and nothing is on the air afterwards", async () => {
    const rig = await createActiveRig();
    loseAt(rig, PARAMETERS);
    loseAt(rig, RESET);
    const ended = rejects(rig.aioble.advertise({ ...OPTIONS, timeoutMs: 2500 }), { code: "timeout" });
    await rig.clock.advance(3 * RECOVERY_MS);
    await ended;
    equal(rig.host.active, true);
    equal(isOnAir(rig.controller.take()), false);
  });
});

describe("aioble: a controller that does not start, and a time-out between two attempts", () => {
  const DEVICE = "C0:11:22:33:44:55";
  const calls: readonly [string, (rig: Rig, timeoutMs: number) => Promise<unknown>][] = [
    ["advertise()", ({ aioble }, timeoutMs) => aioble.advertise({ ...OPTIONS, timeoutMs })],
    [
      "connect()",
      ({ aioble }, timeoutMs) => new aioble.Device(aioble.ADDR_RANDOM, DEVICE).connect({ timeoutMs }),
    ],
  ];
  for (const [name, call] of calls) {
    it(`${name}: before the first attempt has failed it is a time-out, after it the failure`, async () => {
      const rig = createRig();
      loseAt(rig, RESET, 3);
      const early = rejects(call(rig, 1500), { code: "timeout" });
      await rig.clock.advance(1500);
      await early;
      const late = rejects(call(rig, 1500), { code: "controller-timeout", message: /Reset/ });
      await rig.clock.advance(1500);
      await late;
    });

    it(`${name}: once the controller has started, a time-out is one again`, async () => {
      const rig = createRig();
      loseAt(rig, RESET);
      const ended = rejects(call(rig, 5000), { code: "timeout" });
      await rig.clock.advance(6000);
      await ended;
      equal(rig.host.active, true);
    });
  }

  it("a failure of an earlier call does not stand when the radio is wanted anew", async () => {
    const rig = createRig();
    loseAt(rig, RESET, 3);
    const failed = rejects(rig.aioble.advertise(OPTIONS), { code: "controller-timeout" });
    await rig.clock.advance(3 * RECOVERY_MS);
    await failed;
    loseAt(rig, RESET);
    const ended = rejects(rig.aioble.advertise({ ...OPTIONS, timeoutMs: 500 }), { code: "timeout" });
    await rig.clock.advance(500);
    await ended;
  });
});
