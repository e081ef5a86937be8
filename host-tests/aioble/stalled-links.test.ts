/** Links of whose packets the controller completes none: the line has lost them, or the peer takes nothing and stays. */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import type { Characteristic } from "../../firmware/aioble/server.ts";
import { STALL_MS } from "../../firmware/ble/link-check.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { type ConnectedRig, createConnectedRig, HANDLE } from "../support/rig.ts";
import {
  aclFrame,
  commandStatus,
  completedPackets,
  connectionComplete,
  disconnectionComplete,
} from "../support/scripted-controller.ts";
import { describe, it } from "../support/suite.ts";

const DISCONNECT = 0x0406;
const NOT_ALLOWED = 0x0c;
const LOCAL_HOST = 0x16;
/** Of the links that the scripted controller reports. */
const SUPERVISION_MS = 720;
const END_REPORT_MS = 1000;
/** When the end of a link that moves nothing has been asked for at the latest. */
const ENDED_MS = STALL_MS + SUPERVISION_MS;
const OTHER = 0x41;
const LONGEST_SUPERVISION_MS = 32_000;
/** Of the buffers of the scripted controller, what a link has that is alone. */
const BUFFERS_OF_ONE = 4;

interface Scene extends ConnectedRig {
  readonly value: Characteristic;
  /** Commands to end a link, since this was called last. */
  takeEnds(): number[];
}

/** A rig with a central, at a controller that completes nothing by itself. */
async function createScene(): Promise<Scene> {
  let value: Characteristic;
  const rig = await createConnectedRig(({ aioble }) => {
    const service = new aioble.Service(new UUID(0xff00));
    value = new aioble.Characteristic(service, new UUID(0xff01), { read: true, notify: true });
    aioble.registerServices(service);
  });
  rig.controller.autoComplete = false;
  rig.host.links.check.stallMs = STALL_MS;
  const takeEnds = (): number[] =>
    rig.controller.sent
      .splice(0)
      .filter((packet) => packet[0] === 1 && (packet[1]! | (packet[2]! << 8)) === DISCONNECT)
      .map((packet) => packet[4]! | (packet[5]! << 8));
  return { ...rig, value: value!, takeEnds };
}

/** Takes one more central. */
async function addLink(scene: Scene, handle: number, supervisionMs: number): Promise<DeviceConnection> {
  const { aioble, controller } = scene;
  const next = aioble.advertise({ intervalUs: 100_000 });
  await scene.settle();
  controller.deliver(
    connectionComplete(handle, [handle, 2, 3, 4, 5, 0xc6], supervisionMs),
    aclFrame(handle, 0x3f, []),
  );
  await scene.settle();
  scene.takeEnds();
  return next;
}

/** Notifies so often, as many as the controller takes. */
async function notify({ connection, value }: Scene, times: number): Promise<void> {
  for (let count = 0; count < times; count++) {
    equal(await value.notify(connection, Uint8Array.of(1), { force: true }), true);
  }
}

describe("a link of whose packets the controller completes none", () => {
  it("ends after 45 s, what waited rejects, and its buffers serve the others, who lose nothing", async () => {
    const scene = await createScene();
    const { aioble, clock, connection, controller, host, takeEnds, value } = scene;
    const next = aioble.advertise({ intervalUs: 100_000 });
    await scene.settle();
    controller.deliver(connectionComplete(OTHER, [9, 2, 3, 4, 5, 0xc6]), aclFrame(OTHER, 0x3f, []));
    await scene.settle();
    const other = await next;
    await notify(scene, 4);
    const waiting = rejects(notify(scene, 1), { code: "device-disconnected" });
    await clock.advance(STALL_MS - 1);
    deepEqual(takeEnds(), []);
    await clock.advance(SUPERVISION_MS + 1);
    deepEqual(takeEnds(), [HANDLE]);
    controller.deliver(disconnectionComplete(HANDLE, LOCAL_HOST));
    await scene.settle();
    await waiting;
    equal(connection.isConnected(), false);
    equal(connection.disconnectReason, LOCAL_HOST);
    equal(aioble.counters().acl.stalledLinks, 1);
    const lines = scene.log.filter(([level]) => level === "warning").map(([, line]) => line);
    equal(lines.length, 1, lines.join("\n"));
    ok(/ending link 64: of \d packets the controller completed none for 45000 ms/.test(lines[0]!));
    equal(controller.opens, 1, "the controller is not started again");
    // All buffers but the one that is kept for a link that may come.
    controller.sent.length = 0;
    for (let count = 0; count < 7; count++) {
      void value.notify(other, Uint8Array.of(count), { force: true }).catch(() => undefined);
    }
    await scene.settle();
    equal(controller.sent.length, 4);
    equal(host.connections.size, 1);
  });

  it("each link's time counts from its own packet: beside one that has data under way, it ends no later", async () => {
    const scene = await createScene();
    const { clock, controller, takeEnds } = scene;
    const slow = await addLink(scene, OTHER, LONGEST_SUPERVISION_MS);
    await notify({ ...scene, connection: slow }, 1);
    await clock.advance(1000);
    await notify(scene, 1);
    await clock.advance(1000);
    const third = await addLink(scene, OTHER + 1, LONGEST_SUPERVISION_MS);
    await notify({ ...scene, connection: third }, 1);
    await clock.advance(STALL_MS - 2000);
    deepEqual(takeEnds(), [OTHER]);
    controller.deliver(disconnectionComplete(OTHER, LOCAL_HOST));
    await clock.advance(999);
    deepEqual(takeEnds(), []);
    await clock.advance(1);
    deepEqual(takeEnds(), [HANDLE]);
    controller.deliver(disconnectionComplete(HANDLE, LOCAL_HOST));
    await clock.advance(1000);
    deepEqual(takeEnds(), [OTHER + 1]);
  });

  it("a link that moves again and again keeps no other from its end", async () => {
    const scene = await createScene();
    const { clock, controller, takeEnds } = scene;
    const other = await addLink(scene, OTHER, SUPERVISION_MS);
    await notify(scene, 1);
    for (let elapsedMs = 0; elapsedMs < STALL_MS; elapsedMs += 1000) {
      deepEqual(takeEnds(), []);
      await notify({ ...scene, connection: other }, 1);
      controller.deliver(completedPackets([OTHER, 1]));
      await clock.advance(1000);
    }
    deepEqual(takeEnds(), [HANDLE]);
  });

  const noProgress: [string, Uint8Array][] = [
    ["0 packets of it", completedPackets([HANDLE, 0])],
    ["packets of a link that has none under way, and of none", completedPackets([OTHER, 1], [0x99, 3])],
  ];
  for (const [name, packet] of noProgress) {
    it(`a report of ${name} is no progress`, async () => {
      const scene = await createScene();
      await addLink(scene, OTHER, SUPERVISION_MS);
      await notify(scene, 1);
      for (let elapsedMs = 0; elapsedMs < STALL_MS; elapsedMs += 5000) {
        deepEqual(scene.takeEnds(), []);
        scene.controller.deliver(packet);
        await scene.clock.advance(5000);
      }
      deepEqual(scene.takeEnds(), [HANDLE]);
    });
  }

  it("reports of more packets than were sent, and of one link twice, free no buffer that is not there", async () => {
    const scene = await createScene();
    const { connection, controller, value } = scene;
    await notify(scene, 1);
    controller.deliver(completedPackets([HANDLE, 0xffff]), completedPackets([HANDLE, 9], [HANDLE, 9]));
    await scene.settle();
    controller.sent.length = 0;
    for (let count = 0; count < 20; count++) {
      value.notify(connection, Uint8Array.of(count), { force: true }).catch(() => undefined);
    }
    await scene.settle();
    equal(controller.sent.length, BUFFERS_OF_ONE);
    equal(scene.log.filter(([level]) => level === "warning").length, 1);
    await scene.clock.advance(ENDED_MS);
    deepEqual(scene.takeEnds(), [HANDLE], "and are no progress of what is sent later");
  });

  it("whose handle a new link has: the old one has ended, and the new one has its own 45 s", async () => {
    const scene = await createScene();
    const { aioble, clock, connection, controller, takeEnds } = scene;
    await notify(scene, 1);
    await clock.advance(STALL_MS - 1000);
    const next = aioble.advertise({ intervalUs: 100_000 });
    await scene.settle();
    controller.deliver(connectionComplete(HANDLE, [9, 2, 3, 4, 5, 0xc6]), aclFrame(HANDLE, 0x3f, []));
    await scene.settle();
    const renewed = await next;
    equal(connection.isConnected(), false);
    takeEnds();
    await notify({ ...scene, connection: renewed }, 1);
    await clock.advance(STALL_MS - 1);
    deepEqual(takeEnds(), []);
    await clock.advance(1);
    deepEqual(takeEnds(), [HANDLE]);
  });

  it("ends at once when the application says so, and is told to end once", async () => {
    const scene = await createScene();
    const { aioble, clock, connection, controller, takeEnds } = scene;
    await notify(scene, 1);
    await clock.advance(STALL_MS - 1500);
    const ended = connection.disconnect();
    await clock.advance(1000);
    deepEqual(takeEnds(), [HANDLE], "after half of its time, in which what was sent may arrive");
    await clock.advance(600);
    deepEqual(takeEnds(), []);
    controller.deliver(disconnectionComplete(HANDLE, LOCAL_HOST));
    await scene.settle();
    await ended;
    await clock.advance(STALL_MS);
    deepEqual(takeEnds(), []);
    equal(clock.pending, 0);
    equal(aioble.counters().acl.stalledLinks, 0);
    equal(controller.opens, 1);
  });

  it("a controller that does not report its end either is lost", async () => {
    const scene = await createScene();
    await notify(scene, 1);
    await scene.clock.advance(STALL_MS);
    deepEqual(scene.takeEnds(), [HANDLE]);
    await scene.clock.advance(SUPERVISION_MS + END_REPORT_MS - 1);
    equal(scene.controller.opens, 1);
    await scene.clock.advance(1);
    equal(scene.controller.opens, 2);
    equal(scene.connection.isConnected(), false);
  });

  it("one that refuses to end it is told again", async () => {
    const scene = await createScene();
    scene.controller.script(DISCONNECT, () => [commandStatus(DISCONNECT, NOT_ALLOWED)]);
    await notify(scene, 1);
    await scene.clock.advance(ENDED_MS);
    deepEqual(scene.takeEnds(), [HANDLE]);
    await scene.clock.advance(ENDED_MS);
    deepEqual(scene.takeEnds(), [HANDLE]);
  });

  it("some of its packets are enough", async () => {
    const scene = await createScene();
    await notify(scene, 3);
    scene.controller.deliver(completedPackets([HANDLE, 2]));
    await scene.clock.advance(ENDED_MS);
    deepEqual(scene.takeEnds(), [HANDLE]);
  });

  it("completions that come, however late, keep it", async () => {
    const scene = await createScene();
    const { clock, controller } = scene;
    await notify(scene, 3);
    for (let count = 0; count < 3; count++) {
      await clock.advance(STALL_MS - SUPERVISION_MS);
      controller.deliver(completedPackets([HANDLE, 1]));
      await scene.settle();
    }
    await clock.advance(10 * STALL_MS);
    deepEqual(scene.takeEnds(), []);
    equal(scene.connection.isConnected(), true);
    equal(clock.pending, 0, "and nothing is looked at when nothing is under way");
  });

  it("peers that take nothing and stay, one behind the other, never have the controller started again", async () => {
    const scene = await createScene();
    const { aioble, clock, controller } = scene;
    let { connection } = scene;
    for (let handle = HANDLE; handle < HANDLE + 10; handle++) {
      const next = aioble.advertise({ intervalUs: 100_000 });
      await scene.settle();
      await notify({ ...scene, connection }, 1);
      await clock.advance(ENDED_MS);
      deepEqual(scene.takeEnds(), [handle]);
      controller.deliver(disconnectionComplete(handle, LOCAL_HOST));
      await scene.settle();
      controller.deliver(
        connectionComplete(handle + 1, [handle, 2, 3, 4, 5, 0xc6]),
        aclFrame(handle + 1, 0x3f, []),
      );
      await scene.settle();
      connection = await next;
    }
    equal(controller.opens, 1);
    equal(aioble.counters().acl.stalledLinks, 10);
  });
});
