/**
 * What users of aioble and MicroPython have reported of the central, by the number of the report: `lib` is micropython-lib,
 * `mp` is MicroPython. Each shows that it does not happen here.
 */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import {
  IRQ_GATTC_NOTIFY,
  IRQ_PERIPHERAL_CONNECT,
  IRQ_PERIPHERAL_DISCONNECT,
  IRQ_SCAN_RESULT,
} from "../../firmware/bluetooth/constants.ts";
import type { IrqEvent } from "../../firmware/bluetooth/irq.ts";
import { createWorld, type World } from "../../simulator/world.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { type AiobleCamera, addAioble } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";

const ADVERTISING = { intervalUs: 50_000 };
const LISTENING = { intervalUs: 30_000, windowUs: 30_000 };
const SERVICE = new UUID(0x180f);
const VALUE = new UUID(0x2a19);
const PSM = 0x80;

interface Scene {
  readonly world: World;
  readonly central: AiobleCamera;
  readonly peripheral: AiobleCamera;
  /** What the peripheral serves. */
  readonly own: ReturnType<typeof serve>;
  device(): InstanceType<AiobleCamera["aioble"]["Device"]>;
  /** The two ends of a link. */
  link(): Promise<{ outgoing: DeviceConnection; incoming: DeviceConnection }>;
}

function serve({ aioble }: AiobleCamera) {
  const service = new aioble.Service(SERVICE);
  const value = new aioble.Characteristic(service, VALUE, { read: true, notify: true });
  aioble.registerServices(service);
  return value;
}

function inScene(body: (scene: Scene) => Promise<void>): Promise<void> {
  const world = createWorld(9);
  const [central, peripheral] = [addAioble(world), addAioble(world)];
  // Silent clients are sent away otherwise.
  for (const { aioble } of [central, peripheral]) aioble.config({ idleTimeoutMs: 0 });
  const own = serve(peripheral);
  const device = () => new central.aioble.Device(central.aioble.ADDR_RANDOM, peripheral.host.ownAddress);
  return world.run(() =>
    body({
      ...{ world, central, peripheral, own, device },
      async link() {
        const incoming = peripheral.aioble.advertise(ADVERTISING);
        const outgoing = await device().connect({ timeoutMs: 10_000 });
        return { outgoing, incoming: await incoming };
      },
    }),
  );
}

async function remoteValue(connection: DeviceConnection) {
  const service = await connection.service(SERVICE);
  return (await service!.characteristic(VALUE))!;
}

describe("reported: aioble (micropython-lib)", () => {
  it("lib 433: a notification that comes before the first notified() is kept", () =>
    inScene(async ({ link, own, world }) => {
      const { outgoing, incoming } = await link();
      const value = await remoteValue(outgoing);
      await value.subscribe();
      await own.notify(incoming, "early");
      await world.clock.sleep(1000);
      deepEqual(
        [...(await value.notified({ timeoutMs: 100 }))],
        [..."early"].map((c) => c.charCodeAt(0)),
      );
    }));

  it("lib 444, 803: an image without channels has the methods, and they say what is missing", async () => {
    const world = createWorld(9);
    const [central, peripheral] = [addAioble(world), addAioble(world)];
    const missing = new Map([["DeviceConnection.l2capConnect", () => new Error("add the feature channels")]]);
    Object.assign(central.host, { missing });
    await world.run(async () => {
      const incoming = peripheral.aioble.advertise(ADVERTISING);
      await world.clock.sleep(100);
      const { ADDR_RANDOM, Device } = central.aioble;
      const outgoing = await new Device(ADDR_RANDOM, peripheral.host.ownAddress).connect();
      await incoming;
      let said = "";
      try {
        void outgoing.l2capConnect(PSM);
      } catch (error) {
        said = (error as Error).message;
      }
      equal(said, "add the feature channels");
    });
  });

  it("lib 475, PR 614: services of all widths and a shortened name are found, whatever else the packet holds", () =>
    inScene(async ({ central, peripheral }) => {
      const wide = new UUID("6f627363-7572-6100-8000-000000000001");
      // A structure without contents, two 16-bit UUIDs, a shortened name; and in the response a 128-bit UUID.
      const advData = Uint8Array.from([1, 0x0a, 5, 3, 0x0f, 0x18, 0x0d, 0x18, 4, 8, 0x63, 0x61, 0x6d]);
      const respData = Uint8Array.from([17, 7, ...wide.bytes128]);
      void peripheral.aioble.advertise({ ...ADVERTISING, advData, respData }).catch(() => {});
      for await (const result of central.aioble.scan({ ...LISTENING, active: true, duplicates: false })) {
        equal(result.name(), "cam");
        for (const uuid of [SERVICE, new UUID(0x180d), wide]) {
          ok(result.services().includes(uuid) && result.hasService(uuid), String(uuid));
        }
        break;
      }
    }));

  it("lib 686: a peripheral is the client of its central", () =>
    inScene(async ({ central, link }) => {
      serve(central).write("phone");
      const { incoming } = await link();
      equal((await (await remoteValue(incoming)).read()).length, 5);
    }));

  it("lib 707: disconnect() at the end of a block, and after it, throws nothing", () =>
    inScene(async ({ link }) => {
      const { outgoing, incoming } = await link();
      {
        await using connection = outgoing;
        await connection.disconnect();
      }
      await outgoing.disconnect();
      await incoming.disconnected();
      await incoming.disconnect();
    }));

  it("lib 807, PR 497: disconnected() has no deadline of its own, and ends no link", () =>
    inScene(async ({ link, world }) => {
      const { outgoing } = await link();
      let isOver = false;
      const wait = outgoing.disconnected().then(() => {
        isOver = true;
      });
      await world.clock.sleep(300_000);
      ok(outgoing.isConnected() && !isOver);
      await rejects(outgoing.disconnected({ timeoutMs: 1000 }), { code: "timeout" });
      ok(outgoing.isConnected());
      await outgoing.disconnect();
      await wait;
    }));

  it("lib 817, 866: what is asked of a link that is gone rejects with DeviceDisconnectedError", () =>
    inScene(async ({ link }) => {
      const { outgoing } = await link();
      const value = await remoteValue(outgoing);
      await outgoing.disconnect();
      for (const work of [() => value.read(), () => value.notified(), () => outgoing.exchangeMtu()])
        await rejects(work(), { code: "device-disconnected" });
    }));

  it("lib 934: as many notifications are kept as queueSize says, and a loop gets them all", () =>
    inScene(async ({ link, own }) => {
      const { outgoing, incoming } = await link();
      const value = await remoteValue(outgoing);
      await value.subscribe({ queueSize: 100 });
      for (let index = 0; index < 100; index++) await own.notify(incoming, new Uint8Array([index]));
      const seen: number[] = [];
      for await (const [number] of value.notifications()) if (seen.push(number!) === 100) break;
      deepEqual(
        seen,
        Array.from({ length: 100 }, (_, index) => index),
      );
      equal(value.droppedValues, 0);
    }));

  it("lib 950: a connect() that is given up leaves the controller free, and the next one connects", () =>
    inScene(async ({ central, device, link }) => {
      for (let turn = 0; turn < 3; turn++) {
        await rejects(device().connect({ timeoutMs: 300 }), { code: "timeout" });
      }
      equal(central.host.connections.size, 0);
      const { outgoing } = await link();
      ok(outgoing.isConnected());
      deepEqual(central.controller.violations, []);
    }));

  it("lib PR 472: the waits of a channel end with one error when the link is lost, and it has the link's as its cause", () =>
    inScene(async ({ link }) => {
      const { outgoing, incoming } = await link();
      const accepted = incoming.l2capAccept(PSM);
      const channel = await outgoing.l2capConnect(PSM);
      await accepted;
      const errors = [channel.recv(), channel.recvinto(new Uint8Array(1))].map((wait) =>
        wait.then(
          () => undefined,
          (error: unknown) => error as { code: string; reason: string; cause: { code: string } },
        ),
      );
      await incoming.disconnect();
      for (const error of await Promise.all(errors))
        deepEqual(
          [error?.code, error?.reason, error?.cause.code],
          ["l2cap-disconnected", "link", "device-disconnected"],
        );
    }));
});

describe("reported: MicroPython", () => {
  /** The central's events. */
  function follow({ bluetooth }: AiobleCamera) {
    const ble = new bluetooth.BLE();
    const events: IrqEvent[] = [];
    ble.irq((...event) => void events.push(event));
    return { ble, events };
  }

  it("mp 5307, 6601: an attempt that found nobody is reported once, with the handle 0xFFFF, and the next one connects", () =>
    inScene(async ({ central, peripheral, world }) => {
      const { ble, events } = follow(central);
      await ble.active(true);
      await peripheral.host.activate();
      ble.gapConnect(1, peripheral.host.ownAddress, 500);
      await world.clock.sleep(2000);
      deepEqual(
        events.map(([event, data]) => [event, data[0]]),
        [[IRQ_PERIPHERAL_DISCONNECT, 0xffff]],
      );
      void peripheral.aioble.advertise(ADVERTISING);
      ble.gapConnect(1, peripheral.host.ownAddress, 5000);
      await world.clock.sleep(2000);
      equal(events.at(-1)?.[0], IRQ_PERIPHERAL_CONNECT);
      await ble.active(false);
    }));

  it("mp 7769: connection parameters are asked for, read, changed, and reported", () =>
    inScene(async ({ device, peripheral, world }) => {
      const incoming = peripheral.aioble.advertise(ADVERTISING);
      const wanted = { minConnIntervalUs: 50_000, maxConnIntervalUs: 50_000 };
      const outgoing = await device().connect({ ...wanted, timeoutMs: 10_000 });
      equal(outgoing.parameters.intervalUs, 50_000);
      const heard: number[] = [];
      (await incoming).onParameters = ({ intervalUs }) => void heard.push(intervalUs);
      await outgoing.updateParameters({ minConnIntervalUs: 100_000, maxConnIntervalUs: 100_000 });
      equal(outgoing.parameters.intervalUs, 100_000);
      await world.clock.sleep(500);
      deepEqual(heard, [100_000]);
    }));

  it("mp 8248: a link as a peripheral and one as a central live side by side, and end each for itself", () =>
    inScene(async ({ world, central, link }) => {
      const { outgoing, incoming } = await link();
      const third = addAioble(world);
      const advertised = central.aioble.advertise(ADVERTISING);
      const { ADDR_RANDOM, Device } = third.aioble;
      const other = await new Device(ADDR_RANDOM, central.host.ownAddress).connect({ timeoutMs: 10_000 });
      const served = await advertised;
      await world.clock.sleep(60_000);
      ok(outgoing.isConnected() && incoming.isConnected() && served.isConnected() && other.isConnected());
      await other.disconnect();
      await served.disconnected();
      ok((await (await remoteValue(outgoing)).read()).length >= 0);
    }));

  it("mp 9834, 16577: bytes of an event stay what they were, however many events come after it", () =>
    inScene(async ({ central, link, own, world }) => {
      const { events } = follow(central);
      const { outgoing, incoming } = await link();
      await (await remoteValue(outgoing)).subscribe();
      for (let index = 0; index < 20; index++) await own.notify(incoming, new Uint8Array([index, index]));
      await world.clock.sleep(1000);
      const values = events.flatMap(([event, data]) => (event === IRQ_GATTC_NOTIFY ? [[...data[2]]] : []));
      deepEqual(
        values,
        Array.from({ length: 20 }, (_, index) => [index, index]),
      );
      ok(events.every(([event]) => event !== IRQ_SCAN_RESULT));
    }));

  it("mp PR 7553: several channels and PSMs on one link, and the same on another", () =>
    inScene(async ({ world, central, link }) => {
      const { outgoing, incoming } = await link();
      const third = addAioble(world);
      const advertised = third.aioble.advertise(ADVERTISING);
      const { ADDR_RANDOM, Device } = central.aioble;
      await third.host.activate();
      const far = await new Device(ADDR_RANDOM, third.host.ownAddress).connect({ timeoutMs: 10_000 });
      const pairs = [
        [incoming, outgoing],
        [await advertised, far],
      ] as const;
      for (const [listener, opener] of pairs) {
        const accepted = [PSM, PSM, PSM + 1].map((psm) => listener.l2capAccept(psm));
        const opened = [await opener.l2capConnect(PSM), await opener.l2capConnect(PSM + 1)];
        opened.push(await opener.l2capConnect(PSM));
        for (const channel of opened) await channel.send("x");
        for (const channel of await Promise.all(accepted)) equal((await channel.recv()).length, 1);
      }
    }));
});
