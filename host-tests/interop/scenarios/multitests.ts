/** Multitests of aioble and of MicroPython: the camera against clients that none of us wrote. */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "mocha";
import { BETWEEN_CAMERAS, SELECT, SELECTOR_NAME } from "../applications/multitests/names.ts";
import type { Camera, CameraKind } from "../cameras.ts";
import { type Client, clients } from "../clients.ts";
import { aiobleScripts } from "../multi/aioble.ts";
import { bluetoothScripts } from "../multi/bluetooth.ts";
import type { CameraSide, Script } from "../multi/script.ts";
import { useRig } from "../use-rig.ts";

const scripts: Readonly<Record<string, Script>> = { ...aiobleScripts, ...bluetoothScripts };

/** What a line of the scenario says; undefined when the line is no such. */
const saidIn = (line: string): string | undefined => /\bmulti: (.*)$/.exec(line)?.[1];

/** The camera's console from line `from` on. */
function sideOf(camera: Camera, from: number): CameraSide {
  let next = from;
  return {
    async said(beginning) {
      const literal = beginning.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
      const line = await camera.line(new RegExp(`\\bmulti: ${literal}`), undefined, next);
      next = camera.console.indexOf(line, next) + 1;
      return saidIn(line) ?? "";
    },
    lines: () =>
      camera.console
        .slice(from)
        .flatMap((line) => saidIn(line) ?? [])
        .filter((line) => !/^(begin|end) /.test(line)),
  };
}

/** What one scenario said on the camera's console. */
function linesOf(camera: Camera, name: string): string[] {
  const said = camera.console.flatMap((line) => saidIn(line) ?? []);
  return said.slice(said.indexOf(`begin ${name}`) + 1, said.indexOf(`end ${name}`));
}

async function play(name: string, script: Script, client: Client, camera: Camera): Promise<void> {
  const side = sideOf(camera, camera.console.length);
  await client.connect(SELECTOR_NAME);
  await client.write(SELECT, name);
  assert.equal(await client.disconnected(), 0x13);
  await side.said(`begin ${name}`);
  await script(client, side);
  await side.said(`end ${name}`);
}

export function multitests(kind: CameraKind): void {
  if (!kind.runsOurApplications) return;

  describe("multitests", () => {
    const rig = useRig(kind, "multitests", { keepCentrals: true });

    for (const [stack, open] of Object.entries(clients)) {
      describe(`with ${stack} as the client`, () => {
        let client: Client | undefined;

        afterEach(function () {
          // The rig has ended the client of a test that failed.
          if (this.currentTest?.state === "failed") client = undefined;
        });

        after(() => rig().stopCentrals());

        for (const [name, script] of Object.entries(scripts)) {
          it(name, async () => {
            client ??= await open(rig());
            await play(name, script, client, rig().camera);
          });
        }
      });
    }
  });
}

/** Longest that one scenario between two cameras may take, in QEMU on a busy computer. */
const BETWEEN_MS = 120_000;
const rounds = [0, 1, 2, 3, 4];

/** What the peripheral says where that shows what its central did. */
const peripheralSays: Readonly<Record<string, readonly (string | RegExp)[]>> = {
  "aioble ble_characteristic": ["confirmed"],
  "aioble ble_write_order": [
    ...rounds.flatMap((round) => [`written: first c${round}`, `written: second c${round}`]),
    ...rounds.flatMap((round) => [`written: second r${round}`, `written: first r${round}`]),
  ],
  "aioble ble_write_capture": [
    "written: central0",
    /^written: central[1-4]$/,
    ...rounds.map((round) => `captured: central${round}`),
  ],
  "aioble ble_notify": ["before-subscribe", "after-subscribe", "after-unsubscribe"],
  "aioble ble_shutdown": ["stopped 0", "stopped 1", "stopped 2"],
  "aioble ble_reregister": ["stopped 0", "stopped 1", "stopped 2"],
  "bluetooth ble_characteristic": [
    ...["central0", "central1", "central2"].map((value) => `written: ${value}`),
    "confirmed",
  ],
  "bluetooth ble_descriptor": ["central0", "desc_central0", "desc_central1"].map(
    (value) => `written: ${value}`,
  ),
  "bluetooth ble_gatt_data_transfer": ["received: central0central1central2central3"],
  "bluetooth ble_mtu": ["23: 23", "100: 100", "200: 150", "517: 150"],
  "bluetooth ble_subscribe": ["A", "B", "C", "D"].map((name) => `${name}: central${name}`),
  "bluetooth ble_irq_calls": [
    "IRQ_CENTRAL_CONNECT",
    "IRQ_MTU_EXCHANGED",
    "IRQ_GATTS_READ_REQUEST",
    "IRQ_GATTS_READ_REQUEST",
    "IRQ_CENTRAL_DISCONNECT",
  ],
  "bluetooth ble_gap_pair": ["encrypted 1, authenticated 0, bonded 0, key of 16 bytes"],
  "aioble ble_bond": ["encrypted true, authenticated false, bonded true"],
};

/** The central's side, which another camera plays: applications/multitests-central. */
export function multitestsBetweenCameras(kind: CameraKind): void {
  describe("multitests with a camera as the client", () => {
    const rig = useRig(kind, "multitests");
    let central: Camera | undefined;

    before(async () => {
      central = await rig().otherCamera(kind, "multitests-central");
    });

    for (const name of BETWEEN_CAMERAS) {
      it(name, async () => {
        const ended = new RegExp(`\\bmulti: (end|failed) ${name}\\b.*`);
        assert.equal(saidIn(await central!.line(ended, BETWEEN_MS)), `end ${name}`);
        assert.equal(saidIn(await rig().camera.line(ended)), `end ${name}`);
        const said = linesOf(rig().camera, name);
        const expected = peripheralSays[name] ?? said;
        assert.equal(said.length, expected.length, said.join("\n"));
        for (const [at, line] of expected.entries()) {
          if (typeof line === "string") assert.equal(said[at], line);
          else assert.match(said[at]!, line);
        }
      });
    }
  });
}
