/** A link whose end, or whose beginning, the controller reported by a packet that the line lost or changed. */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import { disconnectionComplete as disconnectionCompleteEvent } from "../../firmware/ble/hci/events.ts";
import { leConnectionComplete, leEnhancedConnectionComplete } from "../../firmware/ble/hci/le-events.ts";
import { QUIET_CHECK_MS } from "../../firmware/ble/link-check.ts";
import { createWorld } from "../../simulator/world.ts";
import { isOnAir } from "../support/advertising.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { le16 } from "../support/bytes.ts";
import { addAioble, diagnostics } from "../support/cameras.ts";
import { withPair } from "../support/pair.ts";
import { type ConnectedRig, createConnectedRig, HANDLE } from "../support/rig.ts";
import {
  aclFrame,
  commandComplete,
  commandStatus,
  completedPackets,
  connectionComplete,
  disconnectionComplete,
  eventPacket,
} from "../support/scripted-controller.ts";
import { describe, it } from "../support/suite.ts";

const READ_COMMANDS = 0x1002;
const READ_RSSI = 0x1405;
const READ_PHY = 0x2030;
const DISCONNECT = 0x0406;
const UNKNOWN_CONNECTION = 0x02;
const UNSPECIFIED = 0x1f;
/** Of the links that the scripted controller reports. */
const SUPERVISION_MS = 720;
const END_REPORT_MS = 1000;
/** What the line to a controller may take for a question and its answer. */
const LINE_MS = 50;

/** The links that a scripted controller knows, and what it was asked about them. */
class Known {
  readonly handles = new Set<number>();
  asked = 0;
  /** Whether the questions are answered. */
  isAnswering = true;

  answer(parameters: Uint8Array): Uint8Array[] {
    this.asked++;
    if (!this.isAnswering) return [];
    const handle = parameters[0]! | (parameters[1]! << 8);
    const status = this.handles.has(handle) ? 0 : UNKNOWN_CONNECTION;
    return [commandComplete(READ_RSSI, [status, ...le16(handle), 0xc4])];
  }
}

/** A rig with a central, at a controller that can be asked about links. Packets stay in it. */
async function createScene(): Promise<ConnectedRig & { readonly known: Known }> {
  const known = new Known();
  const rig = await createConnectedRig(({ controller }) => {
    controller.script(READ_COMMANDS, () => [
      commandComplete(READ_COMMANDS, [0, ...new Array<number>(64).fill(0xff)]),
    ]);
    controller.script(
      READ_RSSI,
      ...new Array<(parameters: Uint8Array) => Uint8Array[]>(1000).fill((parameters) =>
        known.answer(parameters),
      ),
    );
  });
  known.handles.add(HANDLE);
  rig.controller.autoComplete = false;
  rig.host.configure({ logLevel: 3 });
  return { ...rig, known };
}

/** Has the camera send something on a link: the answer to Exchange MTU. */
async function sendSomething(rig: ConnectedRig, handle = HANDLE): Promise<void> {
  rig.controller.deliver(aclFrame(handle, 4, [0x02, 23, 0]));
  await rig.settle();
}

/** Takes another central. */
async function takeAnother(
  rig: ConnectedRig & { known: Known },
  handle: number,
  peer: number,
): Promise<void> {
  const next = rig.aioble.advertise({ intervalUs: 100_000 });
  await rig.settle();
  rig.controller.deliver(connectionComplete(handle, [peer, 2, 3, 4, 5, 0xc6]), aclFrame(handle, 0x3f, []));
  await rig.settle();
  rig.known.handles.add(handle);
  await next;
}

describe("a link's end that was not heard: while the controller holds data", () => {
  it("it is asked after the supervision timeout, does not know the link, and the link ends a second later", async () => {
    const rig = await createScene();
    const { clock, connection, controller, host, known } = rig;
    await sendSomething(rig);
    known.handles.clear();
    await clock.advance(SUPERVISION_MS - 1);
    equal(known.asked, 0);
    await clock.advance(1);
    equal(known.asked, 1);
    await clock.advance(END_REPORT_MS - 1);
    equal(connection.isConnected(), true, "its report may be on the way");
    await clock.advance(1);
    equal(connection.isConnected(), false);
    equal(connection.disconnectReason, UNSPECIFIED);
    equal(host.connections.size, 0);
    equal(clock.pending, 0);
    ok(
      rig.log.some(([level, line]) => level === "warning" && /does not know link 64, and did not/.test(line)),
    );
    // Its buffer is free again, and so is its place.
    controller.take();
    const next = rig.aioble.advertise({ intervalUs: 100_000 });
    await rig.settle();
    ok(isOnAir(controller.take()));
    await rig.connect(HANDLE + 1);
    await next;
  });

  it("a link whose packets are acknowledged is not asked about, however seldom they come", async () => {
    const rig = await createScene();
    rig.controller.autoComplete = true;
    for (let count = 0; count < 5; count++) {
      await sendSomething(rig);
      await rig.clock.advance(3 * SUPERVISION_MS);
    }
    equal(rig.known.asked, 0);
    equal(rig.connection.isConnected(), true);
  });

  it("the report that comes after the question brings the true reason", async () => {
    const rig = await createScene();
    await sendSomething(rig);
    rig.known.handles.clear();
    await rig.clock.advance(SUPERVISION_MS);
    await rig.disconnect(HANDLE, 0x08);
    equal(rig.connection.disconnectReason, 0x08);
    equal(rig.clock.pending, 0);
  });

  it("a controller that knows the link is asked once in a supervision timeout, and no more when it has completed all", async () => {
    const rig = await createScene();
    const { clock, connection, controller, known } = rig;
    await sendSomething(rig);
    await clock.advance(10 * SUPERVISION_MS);
    equal(known.asked, 10);
    equal(connection.isConnected(), true);
    controller.deliver(completedPackets([HANDLE, 1]));
    await rig.settle();
    await clock.advance(3600_000);
    equal(known.asked, 10);
    equal(clock.pending, 0);
  });

  it("a link that moves is not asked about, however much is under way", async () => {
    const rig = await createScene();
    const { clock, controller, known } = rig;
    await sendSomething(rig);
    for (let round = 0; round < 100; round++) {
      await sendSomething(rig);
      await clock.advance(SUPERVISION_MS - 100);
      controller.deliver(completedPackets([HANDLE, 1]));
      await rig.settle();
    }
    equal(known.asked, 0);
  });

  it("a link without data is not asked about, and wakes nobody", async () => {
    const rig = await createScene();
    equal(rig.clock.pending, 0);
    await rig.clock.advance(3600_000);
    equal(rig.known.asked, 0);
  });

  it("with all places taken, quiet links are asked about as well, and one that has ended gives its place back", async () => {
    const rig = await createScene();
    const { clock, host, known } = rig;
    host.configure({ maxConnections: 2, idleTimeoutMs: 0 });
    await clock.advance(QUIET_CHECK_MS);
    equal(known.asked, 0, "a place is left");
    await takeAnother(rig, 65, 9);
    await clock.advance(6 * QUIET_CHECK_MS);
    ok(known.asked >= 10 && known.asked <= 14, `each once in ten seconds: ${known.asked}`);
    equal(host.connections.size, 2, "those that are there stay");
    known.handles.delete(65);
    await clock.advance(QUIET_CHECK_MS + END_REPORT_MS);
    deepEqual([...host.connections.keys()], [HANDLE]);
    const { asked } = known;
    await clock.advance(3600_000);
    equal(known.asked, asked, "a place is left again");
    equal(clock.pending, 0);
  });

  it("of several links each is asked about, one question at a time, and those that are there stay", async () => {
    const rig = await createScene();
    const { clock, host, known } = rig;
    await takeAnother(rig, 0x41, 7);
    await takeAnother(rig, 0x42, 8);
    for (const handle of [HANDLE, 0x41, 0x42]) await sendSomething(rig, handle);
    known.handles.delete(HANDLE);
    known.handles.delete(0x42);
    known.isAnswering = false;
    await clock.advance(SUPERVISION_MS);
    equal(known.asked, 1);
    await clock.advance(1000);
    equal(known.asked, 1, "one at a time");
    known.isAnswering = true;
    rig.controller.deliver(...known.answer(Uint8Array.of(...le16(HANDLE))));
    await rig.settle();
    equal(known.asked, 4, "the other two behind it");
    await clock.advance(END_REPORT_MS);
    deepEqual([...host.connections.keys()], [0x41]);
  });

  it("a question without an answer is a controller without one: it is started again", async () => {
    const rig = await createScene();
    rig.known.isAnswering = false;
    await sendSomething(rig);
    await rig.clock.advance(SUPERVISION_MS + 3000);
    equal(rig.controller.opens, 2);
    equal(rig.host.connections.size, 0);
  });

  it("a controller that lacks the question is not asked", async () => {
    const rig = await createConnectedRig();
    rig.controller.autoComplete = false;
    await sendSomething(rig);
    rig.controller.takeOpcodes();
    await rig.clock.advance(60_000);
    deepEqual(rig.controller.takeOpcodes(), []);
    equal(rig.clock.pending, 0);
  });
});

describe("a link's end that was not understood", () => {
  const packets: [string, () => Uint8Array][] = [
    ["with another event code", () => eventPacket(0x04, [0, ...le16(HANDLE), 0x13])],
    ["with a status that is not 0", () => disconnectionComplete(HANDLE, 0x13, 0x10)],
    ["with the handle of no link", () => disconnectionComplete(HANDLE + 4)],
    ["a byte short", () => eventPacket(0x05, [0, ...le16(HANDLE)])],
  ];
  for (const [name, packet] of packets) {
    it(`${name}: the controller is asked at once, and the link ends`, async () => {
      const rig = await createScene();
      rig.known.handles.clear();
      rig.controller.deliver(packet());
      await rig.settle();
      equal(rig.known.asked, 1);
      await rig.clock.advance(END_REPORT_MS);
      equal(rig.connection.disconnectReason, UNSPECIFIED);
      equal(rig.clock.pending, 0);
    });
  }

  it("a thousand packets without meaning: one question in a supervision timeout, and the link stays", async () => {
    const rig = await createScene();
    for (let count = 0; count < 1000; count++) rig.controller.deliver(eventPacket(0x04, [count & 0xff]));
    await rig.settle();
    equal(rig.known.asked, 1);
    await rig.clock.advance(60_000);
    equal(rig.known.asked, 2, "once more for those behind the first");
    equal(rig.connection.isConnected(), true);
    equal(rig.clock.pending, 0);
  });

  it("events of a vendor, and LE events that nobody asked for, are no sign", async () => {
    const rig = await createScene();
    rig.controller.deliver(eventPacket(0xff, [1, 2, 3]), eventPacket(0x3e, [0x77, 1, 2]));
    await rig.settle();
    equal(rig.known.asked, 0);
  });

  it("any command about the link that is answered by Unknown Connection Identifier ends it", async () => {
    const rig = await createScene();
    rig.controller.script(READ_PHY, () => [
      commandComplete(READ_PHY, [UNKNOWN_CONNECTION, ...le16(HANDLE), 0, 0]),
    ]);
    const asked = rejects(rig.connection.readPhy(), { code: "controller-refused" });
    await rig.settle();
    await asked;
    await rig.clock.advance(END_REPORT_MS);
    equal(rig.connection.disconnectReason, UNSPECIFIED);
    equal(rig.clock.pending, 0);
  });

  it("the same device connects again: the controller is asked about its link of before", async () => {
    const rig = await createScene();
    rig.known.handles.clear();
    await takeAnother(rig, 0x41, 1);
    equal(rig.known.asked, 1);
    await rig.clock.advance(END_REPORT_MS);
    deepEqual([...rig.host.connections.keys()], [0x41]);
  });
});

describe("a link that was not heard of", () => {
  it("is ended when data come from it, and advertising, which it ended, goes on", async () => {
    const rig = await createScene();
    const { controller } = rig;
    const next = rig.aioble.advertise({ intervalUs: 100_000 });
    await rig.settle();
    controller.take();
    controller.deliver(aclFrame(0x77, 4, [0x02, 23, 0]), aclFrame(0x77, 4, [0x02, 23, 0]));
    await rig.settle();
    deepEqual(
      controller.sent.map((packet) => [...packet]),
      [[0x01, 0x06, 0x04, 3, 0x77, 0, 0x13]],
      "one Disconnect",
    );
    controller.take();
    controller.deliver(disconnectionComplete(0x77, 0x16));
    await rig.settle();
    ok(isOnAir(controller.take()));
    equal(rig.known.asked, 0);
    await rig.connect(0x78);
    equal((await next).isConnected(), true);
  });

  it("data of a link that the controller does not know either change nothing", async () => {
    const rig = await createScene();
    rig.controller.script(DISCONNECT, () => [commandStatus(DISCONNECT, UNKNOWN_CONNECTION)]);
    rig.controller.deliver(aclFrame(0x77, 4, [0x02, 23, 0]));
    await rig.settle();
    deepEqual(rig.controller.takeOpcodes(), [DISCONNECT]);
    equal(rig.connection.isConnected(), true);
    equal(rig.clock.pending, 0);
  });

  it("an advertiser is found again by the central whose connection it did not hear of", async () => {
    const world = createWorld(3);
    const camera = addAioble(world);
    const { phone } = world.addPhone();
    await world.run(async () => {
      const advertising = camera.aioble.advertise({ intervalUs: 100_000, name: "obscura" });
      const found = await phone.find({ name: "obscura" });
      camera.controller.faults.lose = [leConnectionComplete.code, leEnhancedConnectionComplete.code];
      const unheard = await phone.connect(found);
      camera.controller.faults.lose = [];
      unheard.exchangeMtu(50).catch(() => undefined);
      await unheard.disconnected();
      const link = await phone.connect(await phone.find({ name: "obscura" }));
      equal((await advertising).isConnected(), true);
      await link.disconnect();
    });
  });
});

describe("a link's end that was not heard, between two cameras", () => {
  /** What a side does with a link that the other has ended. */
  async function lose(who: "client" | "server"): Promise<void> {
    let ended: DeviceConnection | undefined;
    await withPair(
      ({ aioble, bluetooth }) => {
        const service = new aioble.Service(new bluetooth.UUID(0x181a));
        const options = { read: true, notify: true, initial: new Uint8Array(2) };
        new aioble.Characteristic(service, new bluetooth.UUID(0x2a6e), options);
        aioble.registerServices(service);
      },
      async ({ client, server, toClient, toServer, world }) => {
        const [own, other, camera] =
          who === "client" ? [toServer, toClient, client] : [toClient, toServer, server];
        camera.aioble.config({ idleTimeoutMs: 0 });
        camera.controller.faults.lose = [disconnectionCompleteEvent.code];
        await other.disconnect();
        await world.clock.sleep(10_000);
        equal(own.isConnected(), true, "nobody said so");
        const beganMs = world.clock.now();
        own.exchangeMtu().catch(() => undefined);
        await own.disconnected();
        const timeoutMs = own.parameters.supervisionTimeoutMs;
        ok(
          world.clock.now() - beganMs <= timeoutMs + END_REPORT_MS + LINE_MS,
          `${world.clock.now() - beganMs}`,
        );
        equal(camera.host.connections.size, 0);
        ok(diagnostics(camera).some((line) => /does not know link/.test(line)));
        ended = own;
      },
    );
    equal(ended?.disconnectReason, UNSPECIFIED);
  }

  it("as a central: it ends with what is sent next, within its supervision timeout", () => lose("client"));
  it("as a peripheral: likewise", () => lose("server"));
});
