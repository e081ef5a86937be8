/** The prompt's phone over rootcanal, through a transport that Bumble opens as it opens a dongle. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, it } from "mocha";
import { build } from "../../tools/build/build.ts";
import { startCamera } from "../../tools/camera/camera.ts";
import { perform } from "../../tools/cli/perform.ts";
import { buildRoot } from "../../tools/paths.ts";
import { runPhone } from "../../tools/phone/command.ts";
import { renderCentralEvent } from "../../tools/rig/render.ts";
import { startBumble } from "../../tools/session/radios/bumble.ts";

const TEXT = "4f627363-7572-6100-8000-000000000001";

describe("obscura phone with a radio of this computer", () => {
  it("finds a camera there, connects, writes and reads", async function () {
    this.timeout(600_000);
    mkdirSync(buildRoot, { recursive: true });
    const folder = mkdtempSync(join(buildRoot, "phone-radio-"));
    const { signal } = new AbortController();
    const air = await startBumble(folder, signal, true);
    try {
      const built = await perform(build({ application: "mailbox", board: "host" }), () => undefined);
      const { board, image, application } = built;
      const camera = await startCamera(board, { image, application, hci: air.hci }, () => undefined);
      try {
        const transport = air.neighbour!.replace("tcp:", "tcp-client:");
        const steps = [
          'find "obscura-mail"',
          "connect",
          `write ${TEXT} "by radio"`,
          `read ${TEXT}`,
          "disconnect",
        ];
        const input = Readable.from(steps.map((step) => `${step}\n`));
        const seen: string[] = [];
        await perform(runPhone({ radio: { kind: "bridge", transport }, input, signal }), (event) => {
          if (event.type === "central") seen.push(...renderCentralEvent(event.central));
        });
        assert.ok(
          seen.some((line) => line.endsWith(`: ${Buffer.from("by radio").toString("hex")}`)),
          seen.join("\n"),
        );
      } finally {
        await camera.stop();
      }
    } finally {
      await air.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
