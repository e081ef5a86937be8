/** Advertising that only bonded devices may answer (Vol 6, Part B, 4.3.2): by the controller's accept list, or by the host. */
import type { AdvertiseOptions } from "../../firmware/aioble/advertising.ts";
import type { Device } from "../../firmware/aioble/device.ts";
import {
  leAddDeviceToFilterAcceptList,
  leClearFilterAcceptList,
} from "../../firmware/ble/hci/commands/le-scanning.ts";
import { HCI_STATUS } from "../../firmware/ble/hci/status.ts";
import { deepEqual, equal, ok, rejects, throws } from "../support/assert.ts";
import { bondOf } from "../support/bonds.ts";
import { type AiobleCamera, addAioble, diagnostics } from "../support/cameras.ts";
import {
  ADVERTISING,
  ALWAYS,
  bond,
  createScene,
  heard,
  LL_PRIVACY,
  part,
  type Scene,
} from "../support/private-peers.ts";
import { describe, it } from "../support/suite.ts";

const FOR_BONDED = { ...ADVERTISING, bondedOnly: "connect" } as const;
const DIAGNOSTIC =
  "gap: ended the connection of a device without a bond (bondedOnly); counters().security.refusedConnections counts the next ones";

/** Whoever has no bond. */
interface Setting extends Scene {
  readonly stranger: AiobleCamera;
  /** The camera as others know it. */
  readonly target: { type: number; address: Uint8Array };
  /** The peer's identity. */
  readonly identity: Device;
}

async function run(options: Parameters<typeof createScene>[0], work: (setting: Setting) => Promise<void>) {
  const scene = createScene(options);
  const stranger = addAioble(scene.world, { controller: LL_PRIVACY });
  await scene.world.run(async () => {
    const identity = await bond(scene);
    // A chip takes its time for it.
    await stranger.host.activate();
    const target = { type: 1, address: scene.camera.host.ownAddress };
    await work({ ...scene, stranger, target, identity });
  });
  for (const { controller } of [scene.camera, scene.peer, stranger]) deepEqual(controller.violations, []);
}

const refusals = ({ camera }: Scene): number => camera.aioble.counters().security!.refusedConnections;

/** A device connects to the camera, if it may within so long. */
const connect = ({ aioble }: AiobleCamera, { type, address }: Setting["target"], timeoutMs = 5000) =>
  new aioble.Device(type, address).connect({ timeoutMs });

/** A stranger is not served; what it may see of a link is that it ends. */
async function isRefused({ stranger, target }: Setting): Promise<void> {
  try {
    const connection = await connect(stranger, target, 300);
    await connection.disconnected({ timeoutMs: 300 });
  } catch (error) {
    ok(error instanceof Error);
    ok(["TimeoutError", "DeviceDisconnectedError", "HciError"].includes(error.name), String(error));
  }
}

/** The bonded peer gets in, and is known. */
async function isAdmitted(setting: Setting, advertised: Promise<AiobleConnection>): Promise<void> {
  const outgoing = await connect(setting.peer, setting.target, 20_000);
  const incoming = await advertised;
  ok(incoming.device.equals(setting.identity));
  await outgoing.pair();
  ok(incoming.bonded);
  await part({ outgoing, incoming });
}

type AiobleConnection = Awaited<ReturnType<AiobleCamera["aioble"]["advertise"]>>;

describe("bondedOnly: the controller's accept list filters", () => {
  it("a stranger gets no answer, and the bonded peer connects under each of its private addresses", async () => {
    await run(LL_PRIVACY, async (setting) => {
      const { camera, stranger, target, world } = setting;
      for (let turn = 0; turn < 2; turn++) {
        await world.clock.sleep(61_000);
        const advertised = camera.aioble.advertise(FOR_BONDED);
        await rejects(connect(stranger, target, 2000), { name: "TimeoutError" });
        await isAdmitted(setting, advertised);
      }
      equal(refusals(setting), 0);
      deepEqual(diagnostics(camera), []);
    });
  });

  it("a peer without private addresses, where the controller resolves none", async () => {
    const scene = createScene({});
    const { camera, peer, world } = scene;
    peer.aioble.config({ addrMode: 1 });
    const stranger = addAioble(world);
    await world.run(async () => {
      // Its bond has no Identity Resolving Key.
      const { own } = camera.host.identities;
      const identity = peer.host.identities.own;
      camera.host.bonds!.keep(bondOf(1, { identity, ownIdentity: own, irk: undefined }));
      const advertised = camera.aioble.advertise(FOR_BONDED);
      const target = { type: 1, address: camera.host.ownAddress };
      await rejects(connect(stranger, target, 2000), { name: "TimeoutError" });
      const outgoing = await connect(peer, target);
      await part({ outgoing, incoming: await advertised });
      equal(refusals(scene), 0);
    });
    deepEqual(camera.controller.violations, []);
  });

  for (const [bondedOnly, answers, connects] of [
    ["connect", true, false],
    ["scan", false, true],
    ["both", false, false],
  ] as const) {
    it(`"${bondedOnly}": a stranger ${answers ? "has" : "lacks"} the scan response and ${connects ? "connects" : "does not"}`, async () => {
      await run(LL_PRIVACY, async (setting) => {
        const { camera, stranger, target } = setting;
        const options: AdvertiseOptions = {
          intervalUs: 100_000,
          advData: Uint8Array.of(2, 1, 6),
          respData: Uint8Array.of(3, 9, 0x61, 0x62),
          bondedOnly,
        };
        const aborter = new camera.signals.AbortController();
        const advertised = camera.aioble.advertise({ ...options, signal: aborter.signal });
        let response = false;
        const scan = stranger.aioble.scan({ ...ALWAYS, active: true, durationMs: 1000 });
        for await (const { respData } of scan) response ||= (respData?.length ?? 0) > 0;
        equal(response, answers);
        if (connects) {
          await connect(stranger, target);
          await advertised;
          return;
        }
        await rejects(connect(stranger, target, 2000), { name: "TimeoutError" });
        aborter.abort(new Error("enough"));
        await rejects(advertised, { message: "enough" });
      });
    });
  }

  it("the scan response of a broadcast is for bonded devices only", async () => {
    await run(LL_PRIVACY, async ({ camera, peer, stranger }) => {
      const broadcaster = await camera.aioble.broadcast({
        intervalUs: 100_000,
        advData: Uint8Array.of(2, 1, 6),
        respData: Uint8Array.of(3, 9, 0x61, 0x62),
        bondedOnly: "scan",
      });
      for (const [scanner, answers] of [
        [peer, true],
        [stranger, false],
      ] as const) {
        let response = false;
        const scan = scanner.aioble.scan({ ...ALWAYS, active: true, durationMs: 1000 });
        for await (const { respData } of scan) response ||= (respData?.length ?? 0) > 0;
        equal(response, answers);
      }
      await broadcaster.stop();
    });
  });

  it("a bond that comes or goes changes the list; what is on the air pauses for it alone", async () => {
    await run(LL_PRIVACY, async (setting) => {
      const { camera, peer, target, identity } = setting;
      const advertised = camera.aioble.advertise({ ...FOR_BONDED, timeoutMs: 60_000 });
      const { own } = camera.host.identities;
      await setting.world.clock.sleep(100);
      camera.host.bonds!.keep(bondOf(9, { ownIdentity: own, irk: undefined }));
      await setting.world.clock.sleep(100);
      const adds = camera.controller.commands.filter((code) => code === leAddDeviceToFilterAcceptList.opcode);
      equal(adds.length, 3, "one at the start, two after the change");
      const keep = camera.host.bonds!.all().find(({ irk }) => irk !== undefined)!;
      camera.aioble.security.bonds.delete(identity);
      await rejects(connect(peer, target, 3000), { name: "TimeoutError" });
      // Its last attempt has ended on both sides.
      await setting.world.clock.sleep(2000);
      camera.host.bonds!.keep(keep);
      await isAdmitted(setting, advertised);
    });
  });

  it("when the last bond is deleted meanwhile nobody connects, and the next advertisement is refused", async () => {
    await run(LL_PRIVACY, async ({ camera, peer, target }) => {
      const advertised = camera.aioble.advertise({ ...FOR_BONDED, timeoutMs: 10_000 });
      camera.aioble.security.bonds.clear();
      await rejects(connect(peer, target, 3000), { name: "TimeoutError" });
      await rejects(advertised, { name: "TimeoutError" });
      await rejects(camera.aioble.advertise(FOR_BONDED), { code: "no-bonds" });
    });
  });

  it("it holds after a loss of the controller, whose list is empty then, and across changes of the own address", async () => {
    await run(LL_PRIVACY, async (setting) => {
      const { camera, stranger, world } = setting;
      camera.aioble.config({ addrMode: 2, rpaTimeoutMs: 1000 });
      const advertised = camera.aioble.advertise(FOR_BONDED);
      await world.clock.sleep(3500);
      camera.controller.reportHardwareError(1);
      await world.clock.sleep(1000);
      const { current } = camera.host.port.addresses;
      await rejects(connect(stranger, { type: 1, address: current! }, 900), { name: "TimeoutError" });
      camera.aioble.config({ addrMode: 1, rpaTimeoutMs: 900_000 });
      await world.clock.sleep(1100);
      const own = [...setting.peer.aioble.security.bonds.list()][0]!.device;
      const outgoing = await own.connect();
      ok((await advertised).device.equals(setting.identity));
      await part({ outgoing, incoming: await advertised });
      equal(refusals(setting), 0);
    });
  });
});

describe("bondedOnly: one accept list for advertising and scans", () => {
  it("a scan for some devices is filtered by the host meanwhile, and has the list again afterwards", async () => {
    await run(LL_PRIVACY, async (setting) => {
      const { camera, stranger, identity, peer, target, world } = setting;
      const beacon = await stranger.aioble.broadcast({ intervalUs: 100_000, name: "beacon" });
      const known = new camera.aioble.Device(1, stranger.host.ownAddress);
      let reports = 0;
      camera.host.scanner!.watch({ onReport: () => reports++, onScanDone() {} });
      const scan = camera.aioble.scan({ ...ALWAYS, devices: [known], durationMs: 20_000, duplicates: true });
      const names = new Set<string | undefined>();
      const scanned = (async () => {
        for await (const result of scan) names.add(result.name());
      })();
      await world.clock.sleep(500);
      ok(camera.host.scanner!.isOnAir);
      const advertised = camera.aioble.advertise(FOR_BONDED);
      await world.clock.sleep(500);
      ok(camera.host.port.isAcceptListTaken());
      reports = 0;
      await world.clock.sleep(2000);
      ok(reports > 10, `the scan goes on: ${reports} reports`);
      const outgoing = await connect(peer, target);
      const incoming = await advertised;
      ok(incoming.device.equals(identity));
      ok(!camera.host.port.isAcceptListTaken());
      const from = camera.controller.commands.length;
      await world.clock.sleep(500);
      const cleared = camera.controller.commands.lastIndexOf(leClearFilterAcceptList.opcode);
      ok(cleared > 0 && cleared < from + 10, "the list is the scan's again");
      reports = 0;
      await world.clock.sleep(2000);
      ok(reports > 10, `the scan goes on: ${reports} reports`);
      await part({ outgoing, incoming });
      await scan.cancel();
      await scanned;
      deepEqual([...names], ["beacon"]);
      await beacon.stop();
      deepEqual(diagnostics(camera), []);
    });
  });

  it("a scan that begins meanwhile hears only its devices, and does not open the list", async () => {
    await run(LL_PRIVACY, async (setting) => {
      const { camera, stranger, target, world } = setting;
      const advertised = camera.aioble.advertise(FOR_BONDED);
      await world.clock.sleep(200);
      const other = addAioble(world);
      const beacon = await other.aioble.broadcast({ intervalUs: 100_000, name: "beacon" });
      const names = new Set<string | undefined>();
      const devices = [new camera.aioble.Device(1, stranger.host.ownAddress)];
      for await (const { name } of heard(camera, devices)) names.add(name);
      deepEqual([...names], []);
      await rejects(connect(stranger, target, 2000), { name: "TimeoutError" });
      await beacon.stop();
      await isAdmitted(setting, advertised);
    });
  });
});

describe("bondedOnly: where the controller cannot filter, the host ends connections of strangers", () => {
  const hostFilters = async (setting: Setting, options: AdvertiseOptions = FOR_BONDED): Promise<void> => {
    const { camera, world } = setting;
    const seen: string[] = [];
    const unobserve = camera.host.observe({
      onConnected: ({ peerAddress }) => seen.push(peerAddress.join(".")),
    });
    const before = refusals(setting);
    const advertised = camera.aioble.advertise({ ...options, timeoutMs: 60_000 });
    for (let turn = 0; turn < 3; turn++) {
      await isRefused(setting);
      await world.clock.sleep(1000);
      ok(camera.host.advertiser.isOnAir, "advertising goes on");
    }
    ok(refusals(setting) - before >= 3);
    unobserve();
    deepEqual(seen, [], "nothing hears of a stranger's link");
    await isAdmitted(setting, advertised);
    deepEqual(diagnostics(camera), [DIAGNOSTIC]);
  };

  for (const [name, options] of [
    ["has no resolving list", {}],
    ["has an accept list that is too small", { ...LL_PRIVACY, acceptListSize: 0 }],
    ["has no accept list", { ...LL_PRIVACY, unsupported: [leClearFilterAcceptList.opcode] }],
    ["does not advertise while it has a link", { advertisesWhileConnected: false }],
  ] as const) {
    it(`a controller that ${name}`, async () => {
      await run(options, (setting) => hostFilters(setting));
    });
  }

  it("a controller that refuses to fill its accept list", async () => {
    await run(LL_PRIVACY, async (setting) => {
      const { opcode } = leAddDeviceToFilterAcceptList;
      setting.camera.controller.faults.refuse = new Map([[opcode, HCI_STATUS.MEMORY_CAPACITY_EXCEEDED]]);
      await hostFilters(setting);
    });
  });

  it("a controller that says it filters and does not", async () => {
    await run(LL_PRIVACY, async (setting) => {
      // The list names the stranger too, whatever the host has put in.
      const { acceptList } = setting.camera.controller;
      acceptList.has = () => true;
      await hostFilters(setting);
    });
  });

  it("the log says once why, and that anybody has the scan response", async () => {
    await run({}, async ({ camera }) => {
      camera.aioble.config({ logLevel: 3 });
      for (let turn = 0; turn < 2; turn++)
        await rejects(camera.aioble.advertise({ ...FOR_BONDED, bondedOnly: "both", timeoutMs: 500 }), {
          name: "TimeoutError",
        });
      const lines = camera.platform.console.filter(({ message }) => message.includes("does not filter"));
      equal(lines.length, 1);
      ok(lines[0]!.message.includes("anybody has the scan response"), lines[0]!.message);
    });
  });

  it("the end of a refused link that the controller does not report keeps nobody out", async () => {
    await run({}, async (setting) => {
      const { camera, world } = setting;
      const advertised = camera.aioble.advertise({ ...FOR_BONDED, timeoutMs: 120_000 });
      camera.controller.faults.lose = [0x05];
      await isRefused(setting);
      await world.clock.sleep(1000);
      camera.controller.faults.lose = [];
      await world.clock.sleep(30_000);
      ok(camera.host.advertiser.isOnAir, "advertising goes on");
      await isAdmitted(setting, advertised);
    });
  });

  it("a stream of connections goes on after strangers, and yields none of them", async () => {
    await run({}, async (setting) => {
      const { camera, peer, target, identity } = setting;
      const stream = camera.aioble.connections(FOR_BONDED);
      const connections = stream[Symbol.asyncIterator]();
      await isRefused(setting);
      const next = connections.next();
      const outgoing = await connect(peer, target, 20_000);
      const { value } = await next;
      ok(value!.device.equals(identity));
      await isRefused(setting);
      await part({ outgoing, incoming: value! });
      await connections.return!();
      ok(refusals(setting) >= 2);
    });
  });

  it("a claimed address of a bonded device gets in, and no further: its key is what counts", async () => {
    const scene = createScene({});
    const { camera, world } = scene;
    const thief = addAioble(world);
    await world.run(async () => {
      const { own } = camera.host.identities;
      camera.host.bonds!.keep(
        bondOf(1, { identity: thief.host.identities.own, ownIdentity: own, irk: undefined }),
      );
      const advertised = camera.aioble.advertise(FOR_BONDED);
      await connect(thief, { type: 1, address: camera.host.ownAddress });
      equal((await advertised).bonded, false);
    });
  });
});

describe("bondedOnly: mistakes, and what it is to others", () => {
  it("nobody is bonded: no-bonds, before anything is on the air", async () => {
    const { camera, world } = createScene();
    await world.run(async () => {
      await rejects(camera.aioble.advertise(FOR_BONDED), { code: "no-bonds" });
      await rejects(camera.aioble.broadcast({ ...ADVERTISING, bondedOnly: "scan" }), { code: "no-bonds" });
      const connections = camera.aioble.connections(FOR_BONDED)[Symbol.asyncIterator]();
      await rejects(connections.next(), { code: "no-bonds" });
      equal(camera.host.active, false);
      await rejects(camera.aioble.advertise({ ...ADVERTISING, timeoutMs: 100 }), { name: "TimeoutError" });
    });
  });

  it("values and combinations that make no sense are TypeErrors at once", async () => {
    await run(LL_PRIVACY, async ({ camera, identity }) => {
      const attempt = (options: object) => () =>
        void camera.aioble.advertise({ ...ADVERTISING, ...options } as AdvertiseOptions);
      for (const bondedOnly of [true, false, null, 3, "", "toString", "all"])
        throws(attempt({ bondedOnly }), { name: "TypeError", message: /bondedOnly is/ });
      throws(attempt({ bondedOnly: "connect", directedTo: identity }), /directedTo/);
      throws(attempt({ bondedOnly: "both", connectable: false }), /connectable/);
    });
  });

  it("advertising that nobody else can connect to does not count as open to all", async () => {
    await run(LL_PRIVACY, async ({ camera, world }) => {
      for (const [bondedOnly, isOpen] of [
        [undefined, true],
        ["scan", true],
        ["connect", false],
        ["both", false],
      ] as const) {
        const advertised = camera.aioble.advertise({ ...ADVERTISING, bondedOnly, timeoutMs: 500 });
        await world.clock.sleep(100);
        equal(camera.host.advertiser.openIntervalUs !== undefined, isOpen);
        ok(camera.host.advertiser.isConnectable);
        await rejects(advertised, { name: "TimeoutError" });
      }
    });
  });

  it("what the firmware lends itself meanwhile is open to all, and the filter is back afterwards", async () => {
    await run(LL_PRIVACY, async (setting) => {
      const { camera, stranger, target, world } = setting;
      const advertised = camera.aioble.advertise(FOR_BONDED);
      await world.clock.sleep(200);
      const { advertiser } = camera.host;
      let taken = 0;
      const lent = advertiser.interrupt({ onEnded() {}, take: () => ++taken > 0 })!;
      await lent.start({
        intervalUs: 100_000,
        connectable: true,
        advData: new Uint8Array(0),
        respData: new Uint8Array(0),
      });
      const outgoing = await connect(stranger, target);
      equal(taken, 1);
      await outgoing.disconnect();
      await lent.release();
      await advertiser.resume();
      await rejects(connect(stranger, target, 2000), { name: "TimeoutError" });
      await isAdmitted(setting, advertised);
    });
  });
});
