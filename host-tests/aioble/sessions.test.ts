/** What belongs to one session with the controller, and dies with it: links, advertising, credits, commands. */
import { createAioble } from "../../firmware/aioble/aioble.ts";
import { Host } from "../../firmware/ble/host.ts";
import { createWorld } from "../../simulator/world.ts";
import { isOnAir } from "../support/advertising.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { concat, le16 } from "../support/bytes.ts";
import { addAioble, MemoryRecords } from "../support/cameras.ts";
import { createConnectedRig, createRig, HANDLE, type Rig } from "../support/rig.ts";
import {
  aclFrame,
  commandComplete,
  commandStatus,
  completedPackets,
  connectionComplete,
  disconnectionComplete,
  eventPacket,
  lePacket,
  SILENCE,
} from "../support/scripted-controller.ts";
import { describe, it } from "../support/suite.ts";

const RESET = 0x0c03;
const READ_COMMANDS = 0x1002;
const MAX_DATA_LENGTH = 0x202f;
const SET_ADDRESS = 0x2005;
const DISCONNECT = 0x0406;
const OPTIONS = { intervalUs: 100_000, name: "obscura" };
const UNKNOWN_CONNECTION = 0x02;

/** What a controller sends that went on without this host: links, data and credits of an earlier session. */
const EARLIER: readonly Uint8Array[] = [
  connectionComplete(0x0001),
  aclFrame(0x0001, 4, [0x0a, 3, 0]),
  completedPackets([0x0001, 3]),
  lePacket(0x03, [0, 1, 0, 6, 0, 0, 0, 100, 0]),
  lePacket(0x05, [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
  eventPacket(0x10, [0x07]),
  commandComplete(0x2008, [0], 0),
  commandStatus(DISCONNECT, 0, 0),
  commandComplete(0, [], 0),
  lePacket(0x01, [0x3c, ...new Array<number>(17).fill(0)]),
];

/** Sends them before the answer to the next Reset. */
function sendBeforeReset(rig: Rig, packets: readonly Uint8Array[] = EARLIER): void {
  rig.controller.script(RESET, () => [...packets, commandComplete(RESET)]);
}

/** A phone finds the camera on the air, connects, and is the connection that this wait returns. */
async function expectPhone(
  rig: Rig,
  waiting: Promise<{ readonly link: { readonly handle: number }; isConnected(): boolean }>,
): Promise<void> {
  ok(isOnAir(rig.controller.take()), "on the air");
  await rig.connect(HANDLE);
  const connection = await waiting;
  equal(connection.link.handle, HANDLE);
  equal(connection.isConnected(), true);
  deepEqual([...rig.host.connections.keys()], [HANDLE]);
}

describe("session: nothing is believed before Reset has been answered", () => {
  it("at the first opening: links, data and answers of an earlier session make no link and end no advertisement", async () => {
    const rig = createRig();
    sendBeforeReset(rig);
    const advertising = rig.aioble.advertise(OPTIONS);
    await rig.settle();
    equal(rig.controller.opens, 1);
    await expectPhone(rig, advertising);
    deepEqual(
      rig.log.filter(([level]) => level !== "info" && level !== "debug"),
      [],
    );
  });

  it("connections() has all its places afterwards", async () => {
    const rig = createRig();
    rig.aioble.config({ maxConnections: 1 });
    sendBeforeReset(rig);
    const stream = rig.aioble.connections(OPTIONS);
    const first = stream.next();
    await rig.settle();
    await expectPhone(
      rig,
      first.then(({ value }) => value!),
    );
  });

  it("at the recovery after one garbage byte: it advertises again, and the phone is returned", async () => {
    const rig = createRig();
    const advertising = rig.aioble.advertise(OPTIONS);
    await rig.settle();
    rig.controller.take();
    sendBeforeReset(rig);
    rig.controller.fail("framing lost");
    await rig.settle();
    equal(rig.controller.opens, 2);
    await expectPhone(rig, advertising);
  });

  it("four losses within a second do not use up the attempts of an advertisement", async () => {
    const rig = createRig();
    const advertising = rig.aioble.advertise(OPTIONS);
    await rig.settle();
    for (let turn = 0; turn < 4; turn++) {
      rig.controller.fail("framing lost");
      await rig.settle();
      await rig.clock.advance(250);
    }
    await rig.clock.advance(2000);
    rig.controller.take();
    await rig.clock.advance(2000);
    deepEqual(
      rig.log.flatMap(([, line]) => /Starting the controller again.*$/.exec(line)?.[0] ?? []),
      [
        "Starting the controller again.",
        "Starting the controller again in 250 ms.",
        "Starting the controller again in 2000 ms.",
      ],
    );
    equal(rig.host.isSwitchedOn, true);
    await rig.connect(HANDLE);
    equal((await advertising).isConnected(), true);
  });

  it("at each of several recoveries in a row", async () => {
    const rig = createRig();
    const stream = rig.aioble.connections(OPTIONS);
    const first = stream.next();
    await rig.settle();
    for (let turn = 0; turn < 6; turn++) {
      rig.controller.take();
      sendBeforeReset(rig);
      rig.controller.fail("framing lost");
      // Losses that follow each other at once are answered by pauses of up to two seconds.
      await rig.clock.advance(2000);
      await rig.settle();
    }
    await expectPhone(
      rig,
      first.then(({ value }) => value!),
    );
  });

  it("around the Reset of stop(): a link that comes before its answer is none, then and after the next start", async () => {
    const rig = await createConnectedRig();
    await rig.disconnect();
    sendBeforeReset(rig, [connectionComplete(0x0001), aclFrame(0x0001, 4, [0x0a, 3, 0])]);
    const off = rig.aioble.stop();
    await rig.settle();
    await off;
    equal(rig.host.connections.size, 0);
    const advertising = rig.aioble.advertise(OPTIONS);
    await rig.settle();
    await expectPhone(rig, advertising);
  });

  it("while the controller is being set up after Reset: a link that comes then is none", async () => {
    const rig = createRig();
    rig.controller.script(SET_ADDRESS, () => [
      connectionComplete(0x0001),
      aclFrame(0x0001, 4, [0x0a, 3, 0]),
      commandComplete(SET_ADDRESS),
    ]);
    const advertising = rig.aioble.advertise(OPTIONS);
    await rig.settle();
    await expectPhone(rig, advertising);
  });

  it("but a hardware error in the set-up is: also one together with the last answer", async () => {
    for (const opcode of [READ_COMMANDS, SET_ADDRESS]) {
      const rig = createRig();
      rig.controller.script(opcode, SILENCE);
      const advertising = rig.aioble.advertise(OPTIONS);
      await rig.settle();
      rig.controller.deliverTogether(
        commandComplete(opcode, [0, ...new Array<number>(64).fill(0xff)]),
        eventPacket(0x10, [7]),
      );
      await rig.clock.advance(300);
      equal(rig.controller.opens, 2);
      await expectPhone(rig, advertising);
    }
  });

  it("two answers to Reset, the first of an earlier session: the set-up takes each answer for what it is", async () => {
    const rig = createRig();
    sendBeforeReset(rig, [
      commandComplete(RESET),
      commandComplete(MAX_DATA_LENGTH, [0, 27, 0, 72, 1, 27, 0, 72, 1]),
    ]);
    const advertising = rig.aioble.advertise(OPTIONS);
    await rig.settle();
    await expectPhone(rig, advertising);
  });

  it("a camera restarts while its radio goes on advertising, and a phone connects in the pause", async () => {
    let met = 0;
    for (let delayMs = 0; delayMs < 100; delayMs += 10) {
      const world = createWorld(11);
      // Reset takes 40 ms to the controller, so that what it reports meanwhile arrives before the answer.
      const camera = addAioble(world, { line: { bytesPerMs: 0.1 } });
      const { phone } = world.addPhone();
      await world.run(async () => {
        const before = camera.aioble.advertise({ intervalUs: 20_000, name: "before" });
        before.catch(() => {});
        const sighting = await phone.find({ name: "before" });
        camera.controller.faults.connectionDelayMs = 100 + delayMs;
        const gone = (await phone.connect(sighting)).disconnected();
        await world.clock.sleep(100);
        const host = new Host(camera.platform, new MemoryRecords());
        const { advertise } = createAioble(host, camera.signals);
        const advertised = advertise({ intervalUs: 20_000, name: "after" });
        await gone;
        if (host.hci.ignored > 0) met++;
        camera.controller.faults.connectionDelayMs = 0;
        const link = await phone.connect(await phone.find({ name: "after" }));
        ok((await advertised).isConnected());
        equal(host.connections.size, 1);
        await link.disconnect();
      });
    }
    ok(met > 0, "the link was reported in the pause at least once");
  });
});

describe("session: its end", () => {
  it("a lost controller takes links, advertising, waits and what waited to be sent with it", async () => {
    const rig = await createConnectedRig();
    const [connection] = [...rig.host.connections.values()];
    rig.controller.autoComplete = false;
    for (let n = 0; n < 8; n++) connection!.server.notify(3, new Uint8Array(20));
    equal(connection!.link.inController > 0, true);
    rig.controller.fail("unplugged");
    await rig.settle();
    equal(connection!.isConnected, false);
    equal(rig.host.connections.size, 0);
    const again = rig.aioble.advertise(OPTIONS);
    await rig.settle();
    await rig.connect();
    const link = (await again).link;
    rig.controller.take();
    for (let n = 0; n < 4; n++) link.server.notify(3, new Uint8Array(20));
    equal(link.link.inController, 4, "all credits of the new session");
  });

  it("a command that was on its way is not answered by the next session", async () => {
    const rig = await createConnectedRig();
    const [connection] = [...rig.host.connections.values()];
    rig.controller.script(DISCONNECT, SILENCE);
    const ended = rig.host.disconnect(connection!);
    sendBeforeReset(rig, [commandStatus(DISCONNECT, 0x0c)]);
    rig.controller.fail("unplugged");
    await rig.settle();
    await ended;
    equal(connection!.disconnectReason, 0x03);
  });
});

describe("session: events that are not quite right", () => {
  it("reserved bits of a handle are masked, in every event and in data", async () => {
    const rig = createRig();
    const advertising = rig.aioble.advertise(OPTIONS);
    await rig.settle();
    rig.controller.deliver(connectionComplete(HANDLE | 0xf000), aclFrame(HANDLE, 0x003f, []));
    await rig.settle();
    const connection = await advertising;
    equal(connection.link.handle, HANDLE);
    rig.controller.deliver(lePacket(0x03, [0, ...le16(HANDLE | 0x7000), 6, 0, 4, 0, ...le16(500)]));
    await rig.settle();
    equal(connection.link.parameters.intervalUs, 7500);
    connection.link.server.notify(3, new Uint8Array(4));
    rig.controller.deliver(completedPackets([HANDLE | 0xc000, 1]));
    await rig.settle();
    equal(connection.link.link.inController, 0);
    rig.controller.deliver(disconnectionComplete(HANDLE | 0x1000));
    await rig.settle();
    equal(connection.isConnected(), false);
  });

  it("a second link with a handle that is in use: the first has ended unheard (0x1F), the second is up", async () => {
    const rig = createRig();
    const stream = rig.aioble.connections(OPTIONS);
    const first = stream.next();
    await rig.settle();
    await rig.connect();
    const { value: one } = await first;
    const second = stream.next();
    await rig.settle();
    rig.controller.deliver(connectionComplete(HANDLE, [9, 9, 9, 9, 9, 0xc9]), aclFrame(HANDLE, 0x003f, []));
    await rig.settle();
    const { value: two } = await second;
    equal(one!.isConnected(), false);
    equal(two!.isConnected(), true);
    equal(rig.host.connections.size, 1);
  });

  it("Disconnect is answered by Unknown Connection Identifier, and nothing follows: the link goes all the same", async () => {
    const rig = await createConnectedRig();
    const [connection] = [...rig.host.connections.values()];
    rig.controller.script(DISCONNECT, () => [commandStatus(DISCONNECT, UNKNOWN_CONNECTION)]);
    const asked = rig.host.disconnect(connection!);
    await rig.settle();
    await asked;
    await rig.clock.advance(999);
    equal(connection!.isConnected, true, "its report may be on the way");
    await rig.clock.advance(1);
    equal(connection!.disconnectReason, 0x16);
    equal(rig.host.connections.size, 0);
    equal(rig.clock.pending, 0);
    const next = rig.aioble.advertise(OPTIONS);
    await rig.settle();
    await expectPhone(rig, next);
  });

  it("and disconnect() of the application resolves by that", async () => {
    const rig = createRig();
    const advertising = rig.aioble.advertise(OPTIONS);
    await rig.settle();
    await rig.connect();
    const connection = await advertising;
    rig.controller.script(DISCONNECT, () => [commandStatus(DISCONNECT, UNKNOWN_CONNECTION)]);
    const ended = connection.disconnect();
    await rig.clock.advance(1000);
    await ended;
    equal(connection.isConnected(), false);
  });

  it("the report that follows in time brings the true reason", async () => {
    const rig = await createConnectedRig();
    const [connection] = [...rig.host.connections.values()];
    rig.controller.script(DISCONNECT, () => [
      commandStatus(DISCONNECT, UNKNOWN_CONNECTION),
      disconnectionComplete(HANDLE, 0x08),
    ]);
    const asked = rig.host.disconnect(connection!);
    await rig.settle();
    await asked;
    equal(connection!.disconnectReason, 0x08);
    equal(rig.clock.pending, 0);
  });

  it("Disconnect is accepted, and nothing follows: the link goes with its supervision timeout, and its place is free", async () => {
    const rig = await createConnectedRig();
    const [connection] = [...rig.host.connections.values()];
    const asked = rig.host.disconnect(connection!);
    await rig.settle();
    await asked;
    await rig.clock.advance(1000);
    // Asked for again, it does not take longer.
    const again = rig.host.disconnect(connection!);
    await rig.settle();
    await again;
    await rig.clock.advance(719);
    equal(connection!.isConnected, true, "the peer may yet acknowledge");
    await rig.clock.advance(1);
    equal(connection!.disconnectReason, 0x16);
    equal(rig.host.connections.size, 0);
    equal(rig.clock.pending, 0);
    ok(rig.log.some(([level, line]) => level === "warning" && /was to end link 64, and did not/.test(line)));
    const next = rig.aioble.advertise(OPTIONS);
    await rig.settle();
    await expectPhone(rig, next);
  });

  it("Disconnect is accepted, then the controller does not know the link: it goes a second later", async () => {
    const rig = await createConnectedRig();
    const [connection] = [...rig.host.connections.values()];
    connection!.parameters = { ...connection!.parameters, supervisionTimeoutMs: 32_000 };
    const asked = rig.host.disconnect(connection!);
    await rig.settle();
    await asked;
    rig.controller.script(DISCONNECT, () => [commandStatus(DISCONNECT, UNKNOWN_CONNECTION)]);
    const again = rig.host.disconnect(connection!);
    await rig.settle();
    await again;
    await rig.clock.advance(1000);
    equal(connection!.disconnectReason, 0x16);
    equal(rig.clock.pending, 0);
  });

  it("Disconnect is accepted, and the report that follows in time leaves no timer", async () => {
    const rig = await createConnectedRig();
    const [connection] = [...rig.host.connections.values()];
    const asked = rig.host.disconnect(connection!);
    await rig.settle();
    await asked;
    await rig.disconnect(HANDLE, 0x16);
    equal(connection!.disconnectReason, 0x16);
    equal(rig.clock.pending, 0);
  });

  it("LE Connection Complete with status 0x3C and all else zero ends advertising at high duty cycle", async () => {
    for (const [subevent, length] of [
      [0x01, 17],
      [0x0a, 29],
    ] as const) {
      const rig = createRig();
      const directedTo = rig.aioble.ADDR_RANDOM;
      const device = new rig.aioble.Device(directedTo, new Uint8Array([0xc6, 5, 4, 3, 2, 1]));
      const ended = rejects(
        rig.aioble.advertise({ intervalUs: 100_000, directedTo: device, highDuty: true }),
        {
          code: "timeout",
        },
      );
      await rig.settle();
      rig.controller.deliver(lePacket(subevent, concat([0x3c], new Uint8Array(length))));
      await rig.settle();
      await ended;
      equal(rig.host.connections.size, 0);
      equal(rig.host.advertiser.advertising, false);
    }
  });

  it("LE Connection Complete with another status makes no link and ends nothing, whatever it holds", async () => {
    const rig = createRig();
    const advertising = rig.aioble.advertise(OPTIONS);
    await rig.settle();
    for (const status of [0x02, 0x3e, 0x1f]) {
      rig.controller.deliver(lePacket(0x01, concat([status], new Uint8Array(17).fill(status))));
    }
    await rig.settle();
    equal(rig.host.connections.size, 0);
    await expectPhone(rig, advertising);
  });
});
