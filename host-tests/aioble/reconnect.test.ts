/** A central encrypts its link to a bonded device by itself, before anything of the application goes out on it. */
import { OPERATIONS_MAX } from "../../firmware/ble/att/client-role.ts";
import { ENCRYPTION_TIMEOUT_MS } from "../../firmware/ble/smp/link-encryption.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { addAioble, diagnostics } from "../support/cameras.ts";
import {
  createReconnecting,
  findValue,
  inScene,
  type Reconnecting,
  wasAllEncrypted,
} from "../support/reconnecting.ts";
import { byte } from "../support/served.ts";
import { describe, it } from "../support/suite.ts";

const MTU_REQUEST = 0x02;
const MTU_RESPONSE = 0x03;
const READ_REQUEST = 0x0a;
const WRITE_COMMAND = 0x52;
const LOCAL_HOST_TERMINATED = 0x16;

/** The handle of the peripheral's value, from a link that is over when this resolves. */
async function learnHandle({ central, heard, meet }: Reconnecting): Promise<number> {
  const { outgoing, incoming } = await meet();
  const { handle } = await findValue(central, outgoing);
  await outgoing.disconnect();
  await incoming.disconnected();
  heard.length = 0;
  return handle;
}

describe("reconnecting: a central and a bonded peripheral", () => {
  it("the link is encrypted without pair(); discovery, reads, writes and the MTU wait for it; one report", () =>
    inScene(async (scene) => {
      const { central, meet, peripheral, updates, world } = scene;
      const { outgoing, incoming } = await meet();
      const mtu = outgoing.exchangeMtu();
      const value = await findValue(central, outgoing);
      deepEqual(await value.read(), byte(7));
      await value.write(byte(8), { response: true });
      await value.subscribe({ notify: true });
      equal(await mtu, 517);
      wasAllEncrypted(scene);
      deepEqual([outgoing.encrypted, outgoing.bonded, outgoing.keySize], [true, true, 16]);
      await world.clock.sleep(1000);
      deepEqual([incoming.encrypted, incoming.bonded], [true, true]);
      deepEqual(updates, [true]);
      equal(peripheral.host.encryption!.manager.failedPairings, 0);
      deepEqual([diagnostics(central), diagnostics(peripheral)], [[], []]);
    }));

  it("connect() resolves at the connection; pair() resolves when the link is encrypted, by the same attempt", () =>
    inScene(async (scene) => {
      const { meet } = scene;
      const { outgoing } = await meet();
      const before = scene.attempts;
      await Promise.all([outgoing.pair(), outgoing.pair()]);
      equal(outgoing.encrypted, true);
      equal(scene.attempts, Math.max(before, 2), "the bond's pairing, and this link");
    }));

  it("a write without a response and an L2CAP channel wait too, and what is asked by numbers", () =>
    inScene(async (scene) => {
      const { central, meet, withholdKey, world } = scene;
      const handle = await learnHandle(scene);
      const answer = withholdKey();
      const { outgoing, incoming } = await meet();
      const ble = new central.bluetooth.BLE();
      ble.gattcWrite(outgoing.link.handle, handle, byte(1), 0);
      ble.gattcRead(outgoing.link.handle, handle);
      const accepted = incoming.l2capAccept(0x80);
      const opened = outgoing.l2capConnect(0x80);
      const found = findValue(central, outgoing);
      await world.clock.sleep(5000);
      deepEqual(scene.heard, []);
      answer();
      const value = await found;
      await value.write(byte(9), { response: false });
      await Promise.all([accepted, opened]);
      await outgoing.flush();
      await world.clock.sleep(500);
      wasAllEncrypted(scene);
      const commands = scene.heard.filter(({ opcode }) => opcode === WRITE_COMMAND);
      equal(commands.length, 2);
    }));

  it("a device that speaks first: what its words bring about waits too, before connect() has resolved", () =>
    inScene(async (scene) => {
      const { central } = scene;
      const handle = await learnHandle(scene);
      const ble = new central.bluetooth.BLE();
      central.host.observe({ onMtu: ({ handle: conn }) => ble.gattcRead(conn, handle) });
      const advertised = scene.peripheral.aioble.advertise({ intervalUs: 100_000 });
      const { ADDR_RANDOM, Device } = central.aioble;
      const connecting = new Device(ADDR_RANDOM, scene.peripheral.host.ownAddress).connect();
      const incoming = await advertised;
      // The device speaks first.
      await incoming.exchangeMtu();
      const outgoing = await connecting;
      await outgoing.pair();
      await scene.world.clock.sleep(500);
      wasAllEncrypted({ ...scene, heard: scene.heard.filter(({ opcode }) => opcode !== MTU_RESPONSE) });
    }));

  it("commands keep their place among what waits", () =>
    inScene(async (scene) => {
      const { central, meet, withholdKey, world } = scene;
      const handle = await learnHandle(scene);
      const answer = withholdKey();
      const { outgoing } = await meet();
      const ble = new central.bluetooth.BLE();
      const conn = outgoing.link.handle;
      ble.gattcExchangeMtu(conn);
      ble.gattcWrite(conn, handle, byte(1), 0);
      ble.gattcRead(conn, handle);
      answer();
      await outgoing.pair();
      ble.gattcWrite(conn, handle, byte(2), 0);
      await world.clock.sleep(1000);
      const opcodes = scene.heard.map(({ opcode }) => opcode);
      deepEqual(
        opcodes.filter((opcode) => opcode !== WRITE_COMMAND),
        [MTU_REQUEST, READ_REQUEST],
      );
      equal(opcodes.filter((opcode) => opcode === WRITE_COMMAND).length, 2);
      ok(opcodes.indexOf(WRITE_COMMAND) > opcodes.indexOf(MTU_REQUEST));
    }));

  it("a device that takes its time is no silent one: what has no deadline waits, what has one ends", () =>
    inScene(async ({ central, meet, withholdKey, world }) => {
      const answer = withholdKey();
      const { outgoing } = await meet();
      const patient = findValue(central, outgoing).then((value) => value.read());
      const mtu = outgoing.exchangeMtu();
      const channel = outgoing.l2capConnect(0x80);
      const { UUID } = central.bluetooth;
      await rejects(outgoing.service(new UUID(0xfff0), { timeoutMs: 700 }), { code: "timeout" });
      await rejects(outgoing.exchangeMtu({ timeoutMs: 700 }), { code: "timeout" });
      await rejects(outgoing.l2capConnect(0x80, { timeoutMs: 700 }), { code: "timeout" });
      await world.clock.sleep(10_000);
      equal(outgoing.encrypted, false);
      answer();
      deepEqual(await patient, byte(7));
      equal(await mtu, 517);
      // Nobody accepts it; but that is the device's answer, and no time-out.
      await rejects(channel, { name: "L2CAPConnectionError" });
    }));

  it("one that never answers loses the link after 30 s, and what waits ends with it", () =>
    inScene(async ({ central, heard, meet, withholdKey, world }) => {
      withholdKey();
      const { outgoing } = await meet();
      const before = world.clock.now();
      const read = findValue(central, outgoing);
      const pairing = outgoing.pair({ timeoutMs: 60_000 });
      const channel = outgoing.l2capConnect(0x80);
      await rejects(read, { name: "DeviceDisconnectedError" });
      await rejects(pairing, { name: "DeviceDisconnectedError" });
      await rejects(channel, { name: "DeviceDisconnectedError" });
      const tookMs = world.clock.now() - before;
      ok(tookMs > ENCRYPTION_TIMEOUT_MS - 500 && tookMs < ENCRYPTION_TIMEOUT_MS + 5000, `${tookMs}`);
      equal(outgoing.disconnectReason, LOCAL_HOST_TERMINATED);
      deepEqual(heard, []);
      equal(central.host.budget.held, 0);
      equal(diagnostics(central).filter((line) => line.includes("has not encrypted link")).length, 1);
    }));

  it("one that leaves in the middle: what waits ends with the link, and the next link is encrypted", () =>
    inScene(async (scene) => {
      const { central, meet, withholdKey, world } = scene;
      const answer = withholdKey();
      const { outgoing, incoming } = await meet();
      const waiting = [outgoing.exchangeMtu(), findValue(central, outgoing), outgoing.l2capConnect(0x80)];
      await world.clock.sleep(300);
      const ended = Promise.all(waiting.map((each) => rejects(each, { name: "DeviceDisconnectedError" })));
      await incoming.disconnect();
      await ended;
      answer();
      await world.clock.sleep(500);
      deepEqual([central.host.budget.held, scene.heard], [0, []]);
      const next = await meet();
      deepEqual(await (await findValue(central, next.outgoing)).read(), byte(7));
      wasAllEncrypted(scene);
    }));

  it("more than the queue has room for is refused while it waits, and stop() ends what waits", () =>
    inScene(async ({ central, meet, withholdKey, world }) => {
      withholdKey();
      const { outgoing } = await meet();
      const waiting = Array.from({ length: OPERATIONS_MAX }, () => outgoing.exchangeMtu());
      await rejects(outgoing.exchangeMtu(), { code: "operation-queue-full" });
      await world.clock.sleep(100);
      const ended = Promise.all(waiting.map((each) => rejects(each, { name: "DeviceDisconnectedError" })));
      await central.aioble.stop();
      await ended;
      equal(central.host.budget.held, 0);
    }));

  it("a wait that its signal ends is not asked for when the link is encrypted", () =>
    inScene(async (scene) => {
      const { central, meet, withholdKey, world } = scene;
      const answer = withholdKey();
      const { outgoing } = await meet();
      const aborter = new central.globals.AbortController();
      const mtu = outgoing.exchangeMtu({ signal: aborter.signal });
      const channel = outgoing.l2capConnect(0x80, { signal: aborter.signal });
      aborter.abort(new Error("enough"));
      await rejects(mtu, { message: "enough" });
      await rejects(channel, { message: "enough" });
      answer();
      await outgoing.pair();
      await world.clock.sleep(500);
      deepEqual(scene.heard, []);
      equal(central.host.budget.held, 0);
    }));

  it("two links at once: one that is not answered holds back nothing of the other", () =>
    inScene(async (scene) => {
      const { central, meet, withholdKey, world } = scene;
      withholdKey();
      const other = addAioble(world);
      const { Device, ADDR_RANDOM } = central.aioble;
      const advertised = other.aioble.advertise({ intervalUs: 100_000 });
      const stranger = await new Device(ADDR_RANDOM, other.host.ownAddress).connect();
      await advertised;
      const { outgoing } = await meet();
      const waiting = rejects(outgoing.exchangeMtu(), { name: "DeviceDisconnectedError" });
      equal(await stranger.exchangeMtu(), 517);
      equal(stranger.encrypted, false);
      deepEqual(scene.heard, []);
      await outgoing.disconnect();
      await waiting;
    }));

  it("a Security Request at the same time is one procedure", () =>
    inScene(async (scene) => {
      const { meet, updates, world } = scene;
      const before = scene.attempts;
      const { outgoing, incoming } = await meet();
      await Promise.all([outgoing.exchangeMtu(), incoming.pair()]);
      await world.clock.sleep(2000);
      equal(scene.attempts - before, 1);
      deepEqual(updates, [true]);
      wasAllEncrypted(scene);
    }));
});

describe("reconnecting: where a central does not encrypt by itself", () => {
  it('autoPair: "never": what is asked goes out at once', () =>
    inScene(async ({ central, heard, meet, peripheral, world }) => {
      central.aioble.config({ autoPair: "never" });
      peripheral.aioble.config({ securityRequestMs: 0 });
      const { outgoing } = await meet();
      deepEqual(await (await findValue(central, outgoing)).read(), byte(7));
      await world.clock.sleep(500);
      equal(outgoing.encrypted, false);
      ok(heard.every(({ isEncrypted }) => !isEncrypted));
    }));

  for (const changes of [{ autoPair: "encrypt" }, { pairing: "never" }] as const) {
    it(`${JSON.stringify(changes)}: the bond that there is encrypts all the same`, () =>
      inScene(async (scene) => {
        scene.central.aioble.config(changes);
        const { outgoing } = await scene.meet();
        deepEqual(await (await findValue(scene.central, outgoing)).read(), byte(7));
        equal(outgoing.bonded, true);
        wasAllEncrypted(scene);
      }));
  }

  it("gapConnect of the module bluetooth leaves it to the application, as NimBLE does", () =>
    inScene(async (scene) => {
      const { central, peripheral, world } = scene;
      const before = scene.attempts;
      peripheral.aioble.config({ securityRequestMs: 0 });
      const ble = new central.bluetooth.BLE();
      await ble.active(true);
      const advertised = peripheral.aioble.advertise({ intervalUs: 100_000 });
      ble.gapConnect(1, peripheral.host.ownAddress);
      await advertised;
      await world.clock.sleep(500);
      const [connection] = central.host.connections.values();
      ble.gattcExchangeMtu(connection!.handle);
      await world.clock.sleep(500);
      equal(scene.attempts, before);
      deepEqual(
        scene.heard.map(({ isEncrypted }) => isEncrypted),
        [false],
      );
    }));

  it("a stranger: what is asked goes out at once", async () => {
    const scene = createReconnecting();
    await scene.world.run(async () => {
      const { outgoing } = await scene.meet();
      equal(await outgoing.exchangeMtu(), 517);
      equal(outgoing.encrypted, false);
      equal(scene.attempts, 0);
    });
  });
});
