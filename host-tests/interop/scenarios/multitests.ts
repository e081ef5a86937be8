/** Multitests of aioble and of MicroPython: the camera against clients that none of us wrote. */
import assert from "node:assert/strict";
import { after, afterEach, describe, it } from "mocha";
import { SELECT, SELECTOR_NAME } from "../applications/multitests/names.ts";
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
