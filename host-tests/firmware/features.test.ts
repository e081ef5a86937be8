/** An image without features says so, on XS: what comes with them throws, and the rest works. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import { build } from "../../tools/build/build.ts";
import { perform } from "../../tools/cli/perform.ts";
import { buildRoot } from "../../tools/paths.ts";
import { runOnXs } from "../meaning/runs.ts";
import { run } from "./image.ts";

const application = `import { ADDR_RANDOM, Device, config, scan } from "aioble";
import { BLE, UUID } from "bluetooth";

function attempt(use: () => unknown): void {
  try {
    use();
    console.log("there");
  } catch (error) {
    console.log((error as { code: string }).code + ": " + (error as Error).message.split(",")[0]);
  }
}
attempt(() => new UUID(0x180f));
attempt(() => config("mtu"));
attempt(() => new BLE());
attempt(() => scan());
attempt(() => config("rxbuf"));
attempt(() => config({ rpaTimeoutMs: 60_000 }));
attempt(() => void new Device(ADDR_RANDOM, "c0ffee000001").connect());
console.log("(end)");
`;

describe("the image of manifests/peripheral.json", function () {
  this.timeout(600_000);

  it("throws not-supported for what it is without, and holds its application against a checksum", async () => {
    const folder = join(buildRoot, "peripheral-application");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "main.ts"), application);
    const operation = build({ application: folder, board: "host", manifest: "peripheral" });
    const warnings: string[] = [];
    const built = await perform(operation, (event) => {
      if (event.type === "warning") warnings.push(event.message);
    });
    assert.match(warnings.join("\n"), /imports scan of "aioble", which needs the feature "scan"/);
    assert.match(warnings.join("\n"), /imports BLE of "bluetooth", which needs the feature "low-level"/);
    const { application: bundle, image, firmware } = built;
    const expected = [
      "there",
      "there",
      'not-supported: BLE of "bluetooth" needs the feature "low-level"',
      'not-supported: scan of "aioble" needs the feature "scan"',
      'not-supported: config: rxbuf needs the feature "low-level"',
      'not-supported: config: rpaTimeoutMs needs the feature "security"',
      'not-supported: Device.connect needs the feature "central"',
      "(end)",
    ];
    assert.deepEqual(await runOnXs({ image, firmware, folder }, bundle), expected);

    // It looks at no signature: a checksum finds damage of the bytecode.
    const signed = readFileSync(bundle);
    const altered = join(folder, "altered.bin");
    const start = (at: number) => {
      const copy = Buffer.from(signed);
      copy[at]! ^= 1;
      writeFileSync(altered, copy);
      return run(image, ["--app", altered, "--max-resets", "0"]);
    };
    signed[signed.length - 1]! ^= 1;
    writeFileSync(altered, signed);
    assert.deepEqual(await runOnXs({ image, firmware, folder }, altered), expected);
    for (const [at, sentence] of [
      [signed.indexOf("OBSX") + 200, /the application is damaged \(CRC mismatch\)/],
      [signed.indexOf("host"), /the application is for another board/],
      [0, /the application is not a signed bundle/],
    ] as const) {
      assert.match((await start(at)).lines.join("\n"), sentence);
    }
  });
});
