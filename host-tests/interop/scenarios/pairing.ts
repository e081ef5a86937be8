/** Bumble pairs with the camera, by every method of both protocols, over a controller that compares the keys. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, describe, it } from "mocha";
import {
  AUTHENTIC,
  FORGET,
  MODE,
  type Mode,
  OPEN,
  NAME as PAIRING_NAME,
  SECRET,
  SECRET_TEXT,
  TYPED,
} from "../applications/pairing/names.ts";
import { type BumbleCentral, StepFailure } from "../bumble-central.ts";
import type { CameraKind } from "../cameras.ts";
import type { Rig } from "../rig.ts";
import { useRig } from "../use-rig.ts";

const INSUFFICIENT_AUTHENTICATION = 0x05;
const INSUFFICIENT_ENCRYPTION = 0x0f;

interface Case {
  readonly name: string;
  readonly mode: Mode;
  /** IO capability of Bumble's side (Vol 3, Part H, Table 3.4). */
  readonly io: number;
  readonly mitm: boolean;
  /** Only with LE Secure Connections. */
  readonly comparison?: boolean;
}

const CASES: readonly Case[] = [
  { name: "Just Works", mode: "nothing", io: 3, mitm: false },
  { name: "passkey, the camera shows", mode: "display", io: 2, mitm: true },
  { name: "passkey, Bumble shows", mode: "keys", io: 0, mitm: true },
  { name: "numeric comparison", mode: "display and button", io: 1, mitm: true, comparison: true },
];

const hex = (text: string): string => Buffer.from(text).toString("hex");

async function assertRefused(bumble: BumbleCentral, characteristic: string): Promise<void> {
  await assert.rejects(bumble.do({ do: "read", characteristic }), (error: unknown) => {
    assert.ok(error instanceof StepFailure, String(error));
    assert.equal(error.code, INSUFFICIENT_AUTHENTICATION);
    return true;
  });
}

/** A device that the camera has not met before. */
async function meet(rig: Rig, number: number): Promise<BumbleCentral> {
  const bumble = await rig.bumble(`C2:00:00:00:01:0${number}`);
  await reach(bumble);
  return bumble;
}

async function reach(bumble: BumbleCentral): Promise<void> {
  await bumble.do({ do: "scan" });
  await bumble.do({ do: "connect" });
  await bumble.do({ do: "discover" });
}

export function pairing(kind: CameraKind): void {
  describe("pairing with Bumble", () => {
    const rig = useRig(kind, "pairing");
    let number = 0;

    for (const sc of [true, false]) {
      for (const { name, mode, io, mitm, comparison } of CASES) {
        if (comparison && !sc) continue;
        it(`${sc ? "LE Secure Connections" : "legacy"}, ${name}: what is protected is read, and again over the bond`, async () => {
          number++;
          const bumble = await meet(rig(), number);
          const { camera } = rig();
          const from = camera.console.length;
          await bumble.do({ do: "write", characteristic: MODE, value: hex(mode) });
          await camera.line(/\[pairing\] has /, undefined, from);
          await assertRefused(bumble, SECRET);
          await bumble.do({ do: "startPairing", io, mitm, sc, passkey: TYPED });
          if (mode === "display") {
            const line = await camera.line(/\[pairing\] shows \d{6}/, undefined, from);
            await bumble.do({ do: "typePasskey", passkey: Number(line.slice(-6)) });
          }
          const events = await bumble.do({ do: "awaitPairing" });
          const paired = events.find(({ event }) => event === "paired");
          assert.ok(paired?.event === "paired" && paired.encrypted, JSON.stringify(events));
          assert.equal(paired.secureConnections, sc);
          if (comparison) {
            const shown = await camera.line(/\[pairing\] compares \d{6}/, undefined, from);
            const other = events.find(({ event }) => event === "compares");
            if (other?.event === "compares") assert.equal(shown.slice(-6), other.number);
          }
          const isAuthenticated = sc && mitm;
          await camera.line(
            new RegExp(`"encrypted":true,"authenticated":${isAuthenticated},"bonded":true,"keySize":16`),
            undefined,
            from,
          );
          await readSecrets(bumble, isAuthenticated);
          await bumble.do({ do: "disconnect" });
          await reach(bumble);
          await assert.rejects(bumble.do({ do: "read", characteristic: SECRET }));
          await bumble.do({ do: "encrypt" });
          await readSecrets(bumble, isAuthenticated);
          await bumble.do({ do: "disconnect" });
        });
      }
    }

    forgottenBonds(rig);
  });
}

/** One side has forgotten the bond. The camera's controller compares keys, as real ones do. */
function forgottenBonds(rig: () => Rig): void {
  const NO_IO = { io: 3, mitm: false, sc: true } as const;

  async function bond(number: number): Promise<BumbleCentral> {
    const bumble = await meet(rig(), number);
    await tell(bumble, "nothing");
    await bumble.do({ do: "startPairing", ...NO_IO });
    await bumble.do({ do: "awaitPairing" });
    return bumble;
  }

  /** Has the camera do this; returns how many bonds it has then. */
  async function tell(bumble: BumbleCentral, what: string): Promise<number> {
    const { camera } = rig();
    const from = camera.console.length;
    await bumble.do({ do: "write", characteristic: MODE, value: hex(what) });
    const line = await camera.line(new RegExp(`\\[pairing\\] has ${what}, bonds \\d+`), undefined, from);
    return Number(line.slice(line.lastIndexOf(" ")));
  }

  it("a bond that the camera has forgotten: its key is refused, and Bumble pairs anew", async () => {
    const bumble = await bond(8);
    assert.equal(await tell(bumble, FORGET), 0);
    await bumble.do({ do: "disconnect" });
    await reach(bumble);
    // The link stays, plain.
    await assert.rejects(bumble.do({ do: "encrypt" }), StepFailure);
    await bumble.do({ do: "forget" });
    await assertRefused(bumble, SECRET);
    await bumble.do({ do: "startPairing", ...NO_IO });
    await bumble.do({ do: "awaitPairing" });
    await readSecrets(bumble, false);
    await bumble.do({ do: "disconnect" });
  });

  it("a bond that Bumble has forgotten: Just Works does not replace it, but in a window", async () => {
    const bumble = await bond(9);
    await bumble.do({ do: "forget" });
    await bumble.do({ do: "disconnect" });
    await reach(bumble);
    const before = await tell(bumble, "nothing");
    await bumble.do({ do: "startPairing", ...NO_IO });
    await assert.rejects(bumble.do({ do: "awaitPairing" }), StepFailure);
    await bumble.do({ do: "disconnect" });
    await reach(bumble);
    assert.equal(await tell(bumble, OPEN), before);
    await bumble.do({ do: "startPairing", ...NO_IO });
    await bumble.do({ do: "awaitPairing" });
    await readSecrets(bumble, false);
    assert.equal(await tell(bumble, "nothing"), before);
    await bumble.do({ do: "disconnect" });
    await reach(bumble);
    await bumble.do({ do: "encrypt" });
    await readSecrets(bumble, false);
    await bumble.do({ do: "disconnect" });
  });
}

/** What ble-host keeps of bonds, in the folder where it runs. */
const BLE_HOST_STORAGE = "NodeBleLib-storage-dir";

/** By IO capability (Vol 3, Part H, Table 3.4). The number that ble-host shows is its own choice: no case. */
const BLE_HOST_CASES = [
  { name: "Just Works", mode: "nothing", ioCap: 3, mitm: false },
  { name: "passkey, the camera shows", mode: "display", ioCap: 2, mitm: true },
  { name: "numeric comparison", mode: "display and button", ioCap: 1, mitm: true },
] as const;

export function pairingWithBleHost(kind: CameraKind): void {
  describe("pairing with ble-host", () => {
    const rig = useRig(kind, "pairing");

    after(() => rmSync(BLE_HOST_STORAGE, { recursive: true, force: true }));

    for (const [at, { name, mode, ioCap, mitm }] of BLE_HOST_CASES.entries()) {
      it(`${name}${at === 0 ? "" : ", where the camera still has a bond"}: what is protected is read, and again over the bond`, async () => {
        const { camera } = rig();
        const central = await rig().bleHost();
        const from = camera.console.length;
        const sighting = await central.find(PAIRING_NAME);
        central.forget(sighting);
        const reachAgain = async (): Promise<void> => {
          await central.connect(await central.find(PAIRING_NAME));
          await central.discover();
        };
        await reachAgain();
        await central.write(MODE, Buffer.from(mode));
        await camera.line(/\[pairing\] has /, undefined, from);
        // The camera knows the address, and not that ble-host has forgotten the bond.
        const refusal = at === 0 ? INSUFFICIENT_AUTHENTICATION : INSUFFICIENT_ENCRYPTION;
        await assert.rejects(central.read(SECRET), { code: refusal });
        const paired = await central.pair({ ioCap, mitm }, async () => {
          if (mode !== "display") return undefined;
          return (await camera.line(/\[pairing\] shows \d{6}/, undefined, from)).slice(-6);
        });
        assert.deepEqual(
          { sc: paired.sc, mitm: paired.mitm, bond: paired.bond },
          { sc: true, mitm, bond: true },
        );
        await camera.line(new RegExp(`"authenticated":${mitm},"bonded":true`), undefined, from);
        assert.equal((await central.read(SECRET)).toString(), SECRET_TEXT);
        await central.disconnect();
        await reachAgain();
        await assert.rejects(central.read(SECRET));
        assert.equal(await central.encrypt(), 0);
        assert.equal((await central.read(SECRET)).toString(), SECRET_TEXT);
        await central.disconnect();
      });
    }
  });
}

async function readSecrets(bumble: BumbleCentral, isAuthenticated: boolean): Promise<void> {
  const { raw } = await bumble.see({ do: "read", characteristic: SECRET }, "value");
  assert.equal(Buffer.from(raw, "hex").toString(), SECRET_TEXT);
  if (isAuthenticated) await bumble.see({ do: "read", characteristic: AUTHENTIC }, "value");
  else await assertRefused(bumble, AUTHENTIC);
}
