/** Features: the catalogue says what each adds, and an image without one says so and has none of its code. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import { createConfig } from "../../../firmware/ble/config.ts";
import { BleError } from "../../../firmware/ble/errors.ts";
import { Host } from "../../../firmware/ble/host.ts";
import { createBluetooth } from "../../../firmware/bluetooth/bluetooth.ts";
import { type Image, missingNames, missingParts } from "../../../firmware/features/feature.ts";
import { image as everything } from "../../../firmware/features/image.ts";
import { World } from "../../../simulator/world.ts";
import { bundle } from "../../../tools/build/bundle.ts";
import { featuresOf, missingImports, readCatalogue } from "../../../tools/build/features.ts";
import { findManifest } from "../../../tools/build/manifest.ts";
import { root } from "../../../tools/paths.ts";
import { createRig, MemoryRecords } from "../../support/rig.ts";

const catalogue = readCatalogue();

/** An image without any feature, as the build makes it of the catalogue. */
const nothing: Image = {
  manifest: "peripheral",
  features: [],
  missing: Object.entries(catalogue).map(([feature, { api, methods, settings }]) => ({
    ...{ feature, api, methods, settings },
  })),
};

describe("features", () => {
  it("have each a module and an entry in the catalogue, and the camera's manifest has all", () => {
    for (const name of Object.keys(catalogue)) {
      assert.ok(existsSync(join(root, `firmware/features/${name}.ts`)), name);
    }
    assert.deepEqual(findManifest("camera").features, Object.keys(catalogue).sort());
    assert.equal(everything.features.length, Object.keys(catalogue).length);
    assert.deepEqual(findManifest("peripheral").features, []);
  });

  it("low-level: the catalogue has every name of bluetooth but UUID, and its setting", () => {
    const names = Object.keys(createBluetooth(createRig().host)).filter((name) => name !== "UUID");
    const { api, constants } = catalogue["low-level"]!;
    assert.deepEqual([...api.bluetooth!, ...constants.bluetooth!].sort(), names.sort());
  });

  it("that are missing throw not-supported, with the name of the feature to add, when called and by new", () => {
    for (const module of ["aioble", "bluetooth", "camera", "power", "update"] as const) {
      const expected = nothing.missing.flatMap(({ api }) => api?.[module] ?? []);
      const names = missingNames(nothing, module);
      assert.deepEqual(Object.keys(names).sort(), [...expected].sort());
      for (const [name, call] of Object.entries(names)) {
        for (const use of [() => call(), () => new (call as unknown as new () => never)()]) {
          assert.throws(use, (error: unknown) => {
            assert.ok(error instanceof BleError);
            assert.equal(error.code, "not-supported");
            assert.match(
              error.message,
              new RegExp(`^${name} of "${module}" needs the feature "[a-z-]+", .*peripheral`),
            );
            return true;
          });
        }
      }
    }
  });

  it("that are missing take their settings with them", () => {
    const { platform } = new World().addCamera();
    const records = new MemoryRecords();
    const config = createConfig(new Host(platform, records, missingParts(nothing)));
    for (const change of [() => config("rxbuf"), () => config({ rxbuf: 20 })]) {
      assert.throws(change, {
        code: "not-supported",
        message: /^config: rxbuf needs the feature "low-level"/,
      });
    }
    assert.equal(config("mtu"), 517);
    assert.throws(
      () => config("volume" as never),
      (error: Error) => !error.message.includes("rxbuf"),
    );
  });

  it("are reported at build time to an application that imports of them what is not there", () => {
    const image = { name: "peripheral", features: [] };
    const imported = (...names: string[]) => new Map([["bluetooth", names]]);
    assert.deepEqual(missingImports(image, imported("UUID")), { warnings: [], errors: [] });
    const { warnings } = missingImports(image, imported("BLE", "UUID"));
    assert.match(warnings.join(), /imports BLE of "bluetooth", which needs the feature "low-level": add it/);
    const { errors } = missingImports(image, imported("BLE", "IRQ_CENTRAL_CONNECT"));
    assert.match(errors.join(), /imports BLE, IRQ_CENTRAL_CONNECT of "bluetooth"/);
    assert.deepEqual(missingImports({ name: "camera", features: ["low-level"] }, imported("BLE")), {
      warnings: [],
      errors: [],
    });
  });

  it("that are left out leave none of their code in the firmware", async () => {
    const manifest = findManifest("peripheral");
    const without = await bundle("firmware", manifest.firmware, [featuresOf(manifest)]);
    const whole = await bundle("firmware", manifest.firmware, [featuresOf(findManifest("camera"))]);
    assert.deepEqual(
      without.inputs.filter((file) => /firmware\/bluetooth\//.test(file)),
      [],
    );
    assert.doesNotMatch(without.code, /IRQ_CENTRAL_CONNECT|gapAdvertise/);
    assert.match(whole.code, /"LE Set PHY"/);
    assert.doesNotMatch(without.code, /"LE Set PHY"/, "a command that nobody sends costs nothing");
    assert.ok(
      without.code.length < whole.code.length - 10_000,
      `${without.code.length} of ${whole.code.length}`,
    );
    const source = await bundle("firmware", manifest.firmware);
    assert.deepEqual(
      source.inputs.filter((file) => !file.endsWith("firmware/features/image.ts")).sort(),
      [...whole.inputs].sort(),
      "firmware/features/image.ts has what manifests/camera.json has",
    );
  }).timeout(120_000);

  it("are documented", () => {
    const page = readFileSync(join(root, "docs/features.md"), "utf8");
    for (const name of Object.keys(catalogue)) assert.ok(page.includes(`| \`${name}\` |`), name);
  });
});
