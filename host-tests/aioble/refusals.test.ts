/** A controller that refuses a command: every one that advertising, scanning and connecting need, by any status. */
import type { BleError } from "../../firmware/ble/errors.ts";
import { createWorld } from "../../simulator/world.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { addAioble, controllerKind } from "../support/cameras.ts";
import * as commands from "../support/commands.ts";
import { describe, it } from "../support/suite.ts";
import "../support/unhandled.ts";

const { leSetAdvertisingEnable: enable, leSetAdvertisingParameters: parameters } = commands;
const { leCreateConnection, leReadFilterAcceptListSize: listSize } = commands;
const { leClearFilterAcceptList: clearList, leAddDeviceToFilterAcceptList: addToList } = commands;
const { leSetScanParameters, leSetScanEnable, leSetAdvertisingData: data } = commands;

interface NamedCommand {
  readonly name: string;
  readonly opcode: number;
}

const STATUSES = [0x01, 0x03, 0x07, 0x09, 0x0c, 0x11, 0x12, 0x1f, 0x3a, 0xff];
/** After these nobody asks again, save connections(). */
const LASTING = [0x01, 0x11, 0x12];

/** What starts the radio, and cannot be left out. */
const START: readonly NamedCommand[] = [
  commands.reset,
  commands.readLocalSupportedCommands,
  commands.readLocalVersionInformation,
  commands.leReadLocalSupportedFeatures,
  commands.setEventMask,
  commands.leSetEventMask,
  commands.readBdAddr,
  commands.leReadBufferSize,
  commands.leSetRandomAddress,
];
/** Of these, what stands for all in calls that start the radio in the same way as advertise(). */
const SAME_START: readonly NamedCommand[] = [
  commands.reset,
  commands.setEventMask,
  commands.leSetRandomAddress,
];
/** What the start does without where it is refused. */
const IMPROVEMENTS: readonly NamedCommand[] = [
  commands.leReadMaximumDataLength,
  commands.leWriteSuggestedDefaultDataLength,
];
const ADVERTISING: readonly NamedCommand[] = [parameters, data, commands.leSetScanResponseData, enable];

const OPTIONS = { intervalUs: 50_000, name: "obscura" };
/** Longer than three attempts to start the controller, and one more at a caller's. */
const LONG_MS = 10_000;

function createScene() {
  const world = createWorld(5);
  const camera = addAioble(world);
  const other = addAioble(world);
  const { controller, host, aioble } = camera;
  const { Device, ADDR_RANDOM } = aioble;
  const device = new Device(ADDR_RANDOM, other.host.ownAddress);
  const isHeard = async (): Promise<boolean> => (await world.addPhone().phone.scan(200)).length > 0;
  const refuse = (command: NamedCommand, status: number): void => {
    controller.faults.refuse = new Map([[command.opcode, status]]);
  };
  const obey = (): void => {
    controller.faults.refuse = new Map();
  };
  return { world, camera, controller, host, aioble, device, other, isHeard, refuse, obey };
}

type Scene = ReturnType<typeof createScene>;

/** A call whose controller refuses `command`, and what comes of it. */
interface Call {
  readonly name: string;
  readonly commands: readonly NamedCommand[];
  /** While `command` is refused, and then when it is not. Leaves nothing on the air. */
  refused(scene: Scene, command: NamedCommand, status: number): Promise<void>;
}

/** The promise's error; undefined while it waits for more than `LONG_MS`. */
async function errorOf(scene: Scene, promise: Promise<unknown>): Promise<BleError | undefined> {
  const outcome = promise.then(
    () => undefined,
    (error: unknown) => error as BleError,
  );
  return Promise.race([outcome, scene.world.clock.sleep(LONG_MS).then(() => undefined)]);
}

function assertRefused(
  error: BleError | undefined,
  status: number,
  what: string,
  command?: NamedCommand,
): void {
  const code = command === commands.reset ? controllerKind().resetRefused : "controller-refused";
  deepEqual([error?.code, (error as { status?: number } | undefined)?.status], [code, status], what);
}

const calls: readonly Call[] = [
  {
    name: "advertise()",
    commands: [...START, ...ADVERTISING],
    async refused(scene, command, status) {
      const { aioble, controller, isHeard, obey, refuse } = scene;
      const what = `${command.name} 0x${status.toString(16)}`;
      refuse(command, status);
      const aborter = new scene.camera.globals.AbortController();
      const advertised = aioble.advertise({ ...OPTIONS, signal: aborter.signal });
      const error = await errorOf(scene, advertised);
      if (LASTING.includes(status)) assertRefused(error, status, what, command);
      else equal(error, undefined, `${what}: waits`);
      const limited = LASTING.includes(status)
        ? aioble.advertise({ ...OPTIONS, timeoutMs: 8000 })
        : undefined;
      if (limited) assertRefused(await errorOf(scene, limited), status, what, command);
      obey();
      const again = limited ? aioble.advertise({ ...OPTIONS, signal: aborter.signal }) : advertised;
      await scene.world.clock.sleep(30_000);
      ok(await isHeard(), `${what}: on the air afterwards`);
      aborter.abort(new Error("enough"));
      await rejects(again, { message: "enough" });
      deepEqual(controller.violations, []);
    },
  },
  {
    name: "connections()",
    commands: [...START, ...ADVERTISING],
    async refused(scene, command, status) {
      const { aioble, isHeard, obey, refuse } = scene;
      const what = `${command.name} 0x${status.toString(16)}`;
      refuse(command, status);
      const stream = aioble.connections(OPTIONS);
      const next = stream.next();
      equal(await errorOf(scene, next), undefined, `${what}: waits`);
      obey();
      await scene.world.clock.sleep(30_000);
      ok(await isHeard(), `${what}: on the air afterwards`);
      await stream.return!();
      deepEqual(await next, { value: undefined, done: true });
    },
  },
  {
    name: "broadcast()",
    commands: [parameters, data, enable],
    async refused(scene, command, status) {
      const { aioble, isHeard, obey, refuse } = scene;
      const what = `${command.name} 0x${status.toString(16)}`;
      refuse(command, status);
      let feed = aioble.broadcast({ ...OPTIONS, intervalUs: 100_000 });
      const error = await errorOf(scene, feed);
      if (LASTING.includes(status)) assertRefused(error, status, what, command);
      else equal(error, undefined, `${what}: waits`);
      obey();
      if (LASTING.includes(status)) feed = aioble.broadcast({ ...OPTIONS, intervalUs: 100_000 });
      const broadcaster = await feed;
      ok(await isHeard(), `${what}: on the air afterwards`);
      await broadcaster.stop();
    },
  },
  {
    name: "scan()",
    commands: [...SAME_START, leSetScanParameters, leSetScanEnable],
    async refused(scene, command, status) {
      const { aioble, obey, refuse } = scene;
      const what = `${command.name} 0x${status.toString(16)}`;
      refuse(command, status);
      assertRefused(await errorOf(scene, aioble.scan({ durationMs: 200 }).next()), status, what, command);
      obey();
      deepEqual(await aioble.scan({ durationMs: 200 }).next(), { value: undefined, done: true }, what);
    },
  },
  {
    name: "scan({ devices })",
    commands: [listSize, clearList, addToList],
    async refused(scene, command, status) {
      const { aioble, device, obey, refuse } = scene;
      const what = `${command.name} 0x${status.toString(16)}`;
      const options = { durationMs: 200, devices: [device] };
      refuse(command, status);
      assertRefused(await errorOf(scene, aioble.scan(options).next()), status, what, command);
      obey();
      deepEqual(await aioble.scan(options).next(), { value: undefined, done: true }, what);
    },
  },
  {
    name: "connect()",
    commands: [...SAME_START, leCreateConnection],
    async refused(scene, command, status) {
      const { device, obey, other, refuse } = scene;
      const what = `${command.name} 0x${status.toString(16)}`;
      refuse(command, status);
      assertRefused(await errorOf(scene, device.connect()), status, what, command);
      obey();
      const advertised = other.aioble.advertise(OPTIONS);
      const connection = await device.connect();
      await advertised;
      await connection.disconnect();
    },
  },
  {
    name: "keepConnected()",
    commands: [leCreateConnection],
    async refused(scene, command, status) {
      const { device, obey, other, refuse } = scene;
      const what = `${command.name} 0x${status.toString(16)}`;
      refuse(command, status);
      const stream = device.keepConnected();
      const next = stream.next();
      equal(await errorOf(scene, next), undefined, `${what}: waits`);
      obey();
      const advertised = other.aioble.advertise(OPTIONS);
      const { value: connection } = await next;
      await advertised;
      await stream.return!();
      await connection.disconnect();
    },
  },
];

describe("a controller that refuses", () => {
  for (const call of calls) {
    for (const command of call.commands) {
      it(`${command.name} to ${call.name}: the documented error or wait, and later calls work`, async () => {
        for (const status of STATUSES) {
          const scene = createScene();
          await scene.world.run(() => call.refused(scene, command, status));
        }
      });
    }
  }

  for (const command of IMPROVEMENTS) {
    it(`${command.name} at the start: goes on without it`, async () => {
      for (const status of STATUSES) {
        const { world, aioble, refuse } = createScene();
        refuse(command, status);
        await world.run(() => rejects(aioble.advertise({ ...OPTIONS, timeoutMs: 500 }), { code: "timeout" }));
      }
    });
  }

  it("advertise({ timeoutMs }): the error is the refusal that stood, not that nobody came", async () => {
    const { world, aioble, refuse } = createScene();
    refuse(enable, 0x0c);
    const refusal = { code: "controller-refused", status: 0x0c };
    await world.run(() => rejects(aioble.advertise({ ...OPTIONS, timeoutMs: 3000 }), refusal));
  });

  it("is started again after three refusals in a row, while nobody is connected, and asked ever more seldom", async () => {
    const { world, aioble, camera, controller, host, refuse } = createScene();
    await world.run(async () => {
      await host.activate();
      refuse(enable, 0x0c);
      controller.commands.length = 0;
      const stream = aioble.connections(OPTIONS);
      const next = stream.next();
      await world.clock.sleep(600_000);
      const asked = controller.commands.filter((opcode) => opcode === enable.opcode).length;
      const resets = controller.commands.filter((opcode) => opcode === commands.reset.opcode).length;
      deepEqual([asked, resets], [17, 5 * controllerKind().resetsPerStart]);
      await stream.return!();
      await next;
    }, 700_000);
    const lines = camera.platform.console.filter(({ message }) => message.includes("asked again"));
    equal(lines.length, 1, "one line");
  });

  it("to advertise beside a link is not started again: the link stays", async () => {
    const { world, aioble, camera, controller, refuse } = createScene();
    await world.run(async () => {
      const stream = aioble.connections(OPTIONS);
      const step = stream.next();
      const sighting = { addressType: 1, address: camera.host.ownAddress };
      const link = await world.addPhone().phone.connect(sighting, { timeoutMs: 3000 });
      await step;
      refuse(enable, 0x1f);
      controller.commands.length = 0;
      const next = stream.next();
      await world.clock.sleep(20_000);
      ok(link.isConnected);
      ok(!controller.commands.includes(commands.reset.opcode));
      await stream.return!();
      await next;
    });
  });

  for (const status of [0x0c, 0x1f, 0xff]) {
    it(`to go on advertising after a loss, 0x${status.toString(16)}: advertising goes on when it obeys`, async () => {
      const { world, aioble, controller, isHeard, obey, refuse } = createScene();
      await world.run(async () => {
        const stream = aioble.connections(OPTIONS);
        const next = stream.next();
        await world.clock.sleep(500);
        refuse(enable, status);
        controller.reportHardwareError(1);
        await world.clock.sleep(5000);
        ok(!(await isHeard()));
        obey();
        await world.clock.sleep(20_000);
        ok(await isHeard());
        await stream.return!();
        await next;
      });
    });
  }

  it("updateAdvertising() that needs another start: it rejects, and the advertisement goes on", async () => {
    const { world, aioble, host, isHeard, obey, refuse } = createScene();
    await world.run(async () => {
      await host.activate();
      const stream = aioble.connections({ ...OPTIONS, connectable: false, intervalUs: 100_000 });
      const next = stream.next();
      await world.clock.sleep(200);
      refuse(enable, 0x0c);
      const update = { manufacturer: [0xffff, new Uint8Array(20)], name: "a longer name" } as const;
      await rejects(aioble.updateAdvertising(update), { code: "controller-refused", status: 0x0c });
      await world.clock.sleep(2000);
      obey();
      await world.clock.sleep(5000);
      ok(await isHeard());
      await stream.return!();
      deepEqual(await next, { value: undefined, done: true });
    });
  });

  it("stop() during the pause ends the wait, and the next call works", async () => {
    const { world, aioble, isHeard, obey, refuse } = createScene();
    await world.run(async () => {
      for (const wait of [() => aioble.advertise(OPTIONS), () => aioble.broadcast({ intervalUs: 100_000 })]) {
        refuse(enable, 0x0c);
        const ended = rejects(wait(), { code: "radio-off" });
        await world.clock.sleep(2000);
        await aioble.stop();
        await ended;
        obey();
        const feed = await aioble.broadcast({ intervalUs: 100_000, name: "after" });
        ok(await isHeard());
        await feed.stop();
      }
    });
  });

  it("Disconnect does not make the end of an `await using` block an error", async () => {
    const { world, aioble, camera, refuse, obey } = createScene();
    await world.run(async () => {
      const advertised = aioble.advertise(OPTIONS);
      const sighting = { addressType: 1, address: camera.host.ownAddress };
      const link = await world.addPhone().phone.connect(sighting, { timeoutMs: 3000 });
      const connection = await advertised;
      refuse(commands.disconnect, 0x0c);
      await rejects(connection.disconnect(), { code: "controller-refused", status: 0x0c });
      await connection[Symbol.asyncDispose]();
      ok(link.isConnected);
      obey();
      await connection.disconnect();
    });
  });
});
