/**
 * Pairings with stacks of others that the suites of a board leave out (scenarios/pairing.ts, scenarios/pairing-central.ts): ble-host
 * as the peripheral, and Bumble as the central by data out of band. Our host runs on Node, over rootcanal's controllers, which
 * compare the keys.
 */
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import bleHost, { type BleManager, type Connection } from "ble-host";
import { after, before, describe, it } from "mocha";
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import type { PairingAgent } from "../../firmware/aioble/pairing-agent.ts";
import { formatAddress } from "../../firmware/ble/codec.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import { BumbleCentral } from "./bumble-central.ts";
import { H4Transport, h4 } from "./h4.ts";
import { NodeRig, type NodeSide } from "./node-side.ts";
import { Mailbox, within } from "./wait.ts";

const ADDRESS = "C7:00:00:00:00:03";
const SERVICE = "4F627363-7572-6100-8006-000000000000";
const SECRET = "4F627363-7572-6100-8006-000000000001";
const AUTHENTIC = "4F627363-7572-6100-8006-000000000002";
const SECRET_TEXT = "between us";
const INSUFFICIENT_AUTHENTICATION = 0x05;
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const fromHex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));

/**
 * rootcanal reports the encryption before it answers the command that brought it about (LE Long Term Key Request Reply), and
 * ble-host listens only from the answer on: the event waits for it.
 */
function inOrder(transport: H4Transport): EventEmitter & { write(packet: Buffer): void } {
  const KEY_REPLY = 0x201a;
  const ENCRYPTION_CHANGE = 0x08;
  const COMMAND_COMPLETE = 0x0e;
  let isOpen = false;
  const held: Buffer[] = [];
  const ordered = Object.assign(new EventEmitter(), {
    write(packet: Buffer): void {
      if (packet[0] === h4.command && packet.readUInt16LE(1) === KEY_REPLY) isOpen = true;
      transport.write(packet);
    },
  });
  transport.on("data", (packet: Buffer) => {
    const isEvent = packet[0] === h4.event;
    if (isOpen && isEvent && packet[1] === ENCRYPTION_CHANGE) return held.push(packet);
    ordered.emit("data", packet);
    if (isEvent && packet[1] === COMMAND_COMPLETE && packet.readUInt16LE(4) === KEY_REPLY) {
      isOpen = false;
      for (const each of held.splice(0)) ordered.emit("data", each);
    }
  });
  return ordered;
}

describe("pairing with ble-host as the peripheral", function () {
  this.timeout(60_000);
  let rig: NodeRig;
  let camera: NodeSide;
  let transport: H4Transport;
  let manager: BleManager;
  /** IO capability of ble-host's side, and what its user types. */
  let ioCap = 3;
  let typed: () => Promise<string | undefined> = async () => undefined;
  const shown = new Mailbox<string>();

  const advertise = (): void => {
    manager.startAdvertising({ intervalMin: 100, intervalMax: 100 }, (status, connection) => {
      assert.equal(status, 0);
      serve(connection);
    });
  };
  /** ble-host knows that the latest link is gone. */
  let isGone: Promise<unknown> = Promise.resolve();
  const serve = (connection: Connection): void => {
    const { smp } = connection;
    isGone = new Promise((resolve) => connection.once("disconnect", resolve));
    smp.on("pairingRequest", (_request: unknown, answer: (features: object) => void) =>
      answer({ ioCap, mitm: ioCap !== 3 }),
    );
    smp.on("passkeyExchange", (_model: number, passkey: string | null, answer: (typed?: string) => void) => {
      if (passkey !== null) shown.put(passkey);
      void typed().then(answer);
    });
  };

  // ble-host keeps bonds in the folder where it runs, which may be that of other tests.
  const from = process.cwd();
  const folder = mkdtempSync(join(tmpdir(), "obscura-ble-host-"));

  before(async () => {
    process.chdir(folder);
    rig = await NodeRig.start("rootcanal");
    camera = await rig.side(0);
    camera.aioble.config({ autoPair: "never" });
    transport = await H4Transport.open(rig.hci[1]!);
    const created = new Promise<BleManager>((resolve, reject) => {
      bleHost.BleManager.create(inOrder(transport), { staticRandomAddress: ADDRESS }, (error, created) =>
        error === null || error === undefined ? resolve(created) : reject(error),
      );
    });
    manager = await within(created, "ble-host's start");
    manager.gattDb.addServices([
      {
        uuid: SERVICE,
        characteristics: [
          { uuid: SECRET, properties: ["read"], value: SECRET_TEXT, readPerm: "encrypted" },
          { uuid: AUTHENTIC, properties: ["read"], value: SECRET_TEXT, readPerm: "encrypted-mitm-sc" },
        ],
      },
    ]);
  });

  after(async () => {
    transport?.close();
    await rig?.stop();
    process.chdir(from);
    rmSync(folder, { recursive: true, force: true });
  });

  async function meet(): Promise<DeviceConnection> {
    advertise();
    return new camera.aioble.Device(1, ADDRESS).connect();
  }

  async function part(connection: DeviceConnection): Promise<void> {
    await connection.disconnect();
    await within(isGone, "ble-host to see the end of the link");
  }

  async function read(connection: DeviceConnection, uuid = SECRET): Promise<string> {
    const service = await connection.service(new UUID(SERVICE));
    const found = await service?.characteristic(new UUID(uuid));
    return String.fromCharCode(...(await found!.read()));
  }

  const display = new Mailbox<string>();
  const CASES: readonly {
    readonly name: string;
    readonly ioCap: number;
    readonly agent?: PairingAgent;
    readonly typed?: () => Promise<string>;
  }[] = [
    { name: "Just Works", ioCap: 3 },
    {
      name: "passkey, ble-host shows",
      ioCap: 0,
      agent: { input: () => shown.take("the passkey that ble-host shows") },
    },
    {
      name: "passkey, the camera shows",
      ioCap: 2,
      agent: { display: ({ passkey }) => void display.put(passkey) },
      typed: () => display.take("the passkey that the camera shows"),
    },
    {
      name: "numeric comparison",
      ioCap: 1,
      agent: {
        display: () => {},
        compare: async ({ number }) => number === (await shown.take("the number that ble-host shows")),
      },
    },
  ];

  for (const each of CASES) {
    it(`${each.name}: what is protected is read, and again over the bond`, async () => {
      ioCap = each.ioCap;
      typed = each.typed ?? (async () => undefined);
      const mitm = each.agent !== undefined;
      camera.aioble.security.bonds.clear();
      manager.removeBond("random", formatAddress(camera.host.ownAddress).toUpperCase());
      const first = await meet();
      await assert.rejects(read(first), { status: INSUFFICIENT_AUTHENTICATION });
      await first.pair({ mitm, leSecure: "only", ...(each.agent ? { agent: each.agent } : {}) });
      assert.equal(await read(first), SECRET_TEXT);
      if (mitm) assert.equal(await read(first, AUTHENTIC), SECRET_TEXT);
      else await assert.rejects(read(first, AUTHENTIC), { status: INSUFFICIENT_AUTHENTICATION });
      await part(first);
      // Once it is called, and once the camera encrypts by itself.
      for (const autoPair of ["never", "encrypt"] as const) {
        camera.aioble.config({ autoPair });
        const again = await meet();
        if (autoPair === "never") await again.pair();
        assert.equal(await read(again), SECRET_TEXT);
        assert.deepEqual([again.bonded, again.authenticated], [true, mitm]);
        await part(again);
      }
      camera.aioble.config({ autoPair: "never" });
    });
  }

  it("a bond that ble-host has forgotten is no use, and stays until the application deletes it", async () => {
    ioCap = 3;
    const { bonds } = camera.aioble.security;
    assert.equal(bonds.size, 1);
    manager.removeBond("random", formatAddress(camera.host.ownAddress).toUpperCase());
    const first = await meet();
    await assert.rejects(first.pair());
    assert.equal(bonds.size, 1);
    await part(first);
    bonds.clear();
    const second = await meet();
    await second.pair();
    assert.equal(await read(second), SECRET_TEXT);
    await part(second);
  });
});

describe("pairing with Bumble as the central, by data out of band", function () {
  this.timeout(60_000);
  let rig: NodeRig;
  let camera: NodeSide;
  let bumble: BumbleCentral;

  before(async () => {
    rig = await NodeRig.start("rootcanal");
    camera = await rig.side(0);
    bumble = await BumbleCentral.start(rig.hci[1]!, "camera");
  });

  after(async () => {
    await bumble?.stop();
    await rig?.stop();
  });

  async function meet(): Promise<DeviceConnection> {
    const advertised = camera.aioble.advertise({ intervalUs: 60_000, name: "camera" });
    await bumble.do({ do: "scan" });
    await bumble.do({ do: "connect" });
    return advertised;
  }

  async function until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  for (const sc of [true, false]) {
    it(`${sc ? "LE Secure Connections" : "legacy"}: authenticated, and again over the bond`, async () => {
      const { security } = camera.aioble;
      const temporaryKey = camera.host.platform.random(16);
      const own = security.localOob();
      const { confirm, random } = await bumble.see({ do: "shareOutOfBand" }, "outOfBand");
      security.agent = {
        oob: sc ? { random: fromHex(random), confirm: fromHex(confirm) } : { temporaryKey },
      };
      const first = await meet();
      const outOfBand = sc
        ? { confirm: hex(own.confirm), random: hex(own.random) }
        : { temporaryKey: hex(temporaryKey) };
      await bumble.do({ do: "startPairing", io: 3, mitm: true, sc, outOfBand });
      const events = await bumble.do({ do: "awaitPairing" });
      const paired = events.find(({ event }) => event === "paired");
      assert.ok(paired?.event === "paired" && paired.encrypted, JSON.stringify(events));
      await until(() => first.bonded);
      assert.equal(first.authenticated, true);
      assert.equal(first.secureConnections, sc);
      await bumble.do({ do: "disconnect" });
      const second = await meet();
      await bumble.do({ do: "encrypt" });
      // The other side may hear of it first.
      await until(() => second.bonded);
      assert.equal(second.authenticated, true);
      await bumble.do({ do: "disconnect" });
      await bumble.do({ do: "forget" });
      security.bonds.clear();
    });
  }
});
