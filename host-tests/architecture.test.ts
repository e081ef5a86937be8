/** The dependency rule: which module may import which. Reads the imports of the sources. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import {
  EXCEPTIONS,
  MAY,
  MODULES,
  PACKET_FILE,
  PACKET_FILE_MAY,
  PUBLIC_MODULES,
  SIMULATOR_MAY,
  UPWARD,
} from "./architecture/rules.ts";
import { FIRMWARE, importsOf, sourcesBelow } from "./architecture/sources.ts";

function moduleOf(path: string): string | undefined {
  return MODULES.find(
    ([prefix]) => path === prefix || (prefix.endsWith("/") && path.startsWith(prefix)),
  )?.[1];
}

/** Why a source of the firmware may not import another, both relative to firmware/; undefined when it may. */
function objection(from: string, to: string, isType: boolean): string | undefined {
  const [module, other] = [moduleOf(from), moduleOf(to)];
  if (!module) return `${from} lies in no module: add its folder to the table of modules`;
  if (!other) return `${from} imports ${to}, which lies in no module`;
  if (PACKET_FILE.test(from) && !PACKET_FILE_MAY.includes(to)) {
    return `${from} may not import ${to}: packet tables import the codec and numbers only`;
  }
  if (module === other || MAY[module]!.includes(other)) return undefined;
  const allowed = EXCEPTIONS.some(
    ([source, target, what]) => source.test(from) && target.test(to) && (isType || what === "value"),
  );
  if (allowed) return undefined;
  const [at, above] = [UPWARD.indexOf(module), UPWARD.indexOf(other)];
  const reason =
    at >= 0 && above > at
      ? `${module} is below ${other}`
      : `${module} may import ${MAY[module]!.length > 0 ? MAY[module]!.join(", ") : "nothing outside itself"}`;
  return `${from} may not import ${to}: ${reason}`;
}

/** npm packages that the firmware contains, and the one file that may know each. */
const LIBRARIES: readonly (readonly [source: RegExp, library: string])[] = [];

describe("architecture: the dependency rule", () => {
  it("no source of the firmware imports what its module may not", () => {
    const objections: string[] = [];
    for (const file of FIRMWARE) {
      const from = file.slice("firmware/".length);
      for (const { target, isType } of importsOf(file)) {
        if (LIBRARIES.some(([source, library]) => source.test(from) && library === target)) continue;
        if (!target.startsWith("firmware/"))
          objections.push(`${from} may not import ${target}: it is not firmware`);
        else {
          const sentence = objection(from, target.slice("firmware/".length), isType);
          if (sentence) objections.push(sentence);
        }
      }
    }
    assert.deepEqual(objections, []);
  });

  it("every exception is still needed", () => {
    const unused = EXCEPTIONS.filter(
      ([source, target]) =>
        !FIRMWARE.some(
          (file) =>
            source.test(file.slice("firmware/".length)) &&
            importsOf(file).some((found) => target.test(found.target.slice("firmware/".length))),
        ),
    );
    assert.deepEqual(
      unused.map(([, , , reason]) => reason),
      [],
    );
  });

  it("finds what is wrong, and says it in a sentence", () => {
    for (const [from, to, sentence] of [
      [
        "ble/att/bearer.ts",
        "ble/gatt/server/server.ts",
        "ble/att/bearer.ts may not import ble/gatt/server/server.ts: att is below gatt",
      ],
      ["ble/hci/hci.ts", "ble/host.ts", "ble/hci/hci.ts may not import ble/host.ts: hci is below host"],
      [
        "ble/smp/refuse.ts",
        "ble/att/bearer.ts",
        "ble/smp/refuse.ts may not import ble/att/bearer.ts: smp may import codec, interface of the platform, l2cap",
      ],
      [
        "ble/hci/commands/baseband.ts",
        "ble/hci/hci.ts",
        "ble/hci/commands/baseband.ts may not import ble/hci/hci.ts: packet tables import the codec and numbers only",
      ],
      [
        "camera/camera.ts",
        "ble/codec.ts",
        "camera/camera.ts may not import ble/codec.ts: camera may import nothing outside itself",
      ],
    ] as const) {
      assert.equal(objection(from, to, false), sentence);
    }
    assert.match(objection("ble/host.ts", "platform/xs/index.ts", false)!, /may not import/);
    assert.match(objection("services/battery.ts", "ble/codec.ts", false)!, /lies in no module/);
    assert.equal(objection("aioble/core.ts", "ble/gap/connection.ts", true), undefined);
    assert.match(objection("aioble/core.ts", "ble/gap/connection.ts", false)!, /may not import/);
  });

  it("reads every way to import", () => {
    const text = [
      'import "./a.ts";',
      'import b from "./b.ts";',
      'import { c } from "./c.ts";',
      'import {\n  type D,\n  e,\n} from "./d.ts";',
      'import type { F } from "./f.ts";',
      'import { type G, type H } from "./g.ts";',
      'export { i } from "./i.ts";',
      'export * from "./j.ts";',
      'export type { K } from "./k.ts";',
      'const l = await import("./l.ts");',
      'import { m } from "package";',
    ].join("\n");
    const found = importsOf("firmware/x/y.ts", text).map(
      ({ target, isType }) => `${target}${isType ? " type" : ""}`,
    );
    assert.deepEqual(found.sort(), [
      "firmware/x/a.ts",
      "firmware/x/b.ts",
      "firmware/x/c.ts",
      "firmware/x/d.ts",
      "firmware/x/f.ts type",
      "firmware/x/g.ts type",
      "firmware/x/i.ts",
      "firmware/x/j.ts",
      "firmware/x/k.ts type",
      "firmware/x/l.ts",
      "package",
    ]);
  });

  it("the simulator shares packet tables with the stack, none of its logic, and nothing of Node", () => {
    const objections: string[] = [];
    for (const file of sourcesBelow("simulator")) {
      for (const { target } of importsOf(file)) {
        if (target.startsWith("firmware/") && !SIMULATOR_MAY.test(target)) {
          objections.push(`${file} may not import ${target}: a bug could hide in its own mirror`);
        }
        if (target.startsWith("node:"))
          objections.push(`${file} may not import ${target}: it also runs on XS`);
      }
    }
    assert.deepEqual(objections, []);
  });

  it("scenarios import the simulator, the firmware and their helpers, and nothing of Node", () => {
    const objections: string[] = [];
    const pending = [
      "host-tests/stack",
      "host-tests/aioble",
      "host-tests/bluetooth",
      "host-tests/multi",
    ].flatMap(sourcesBelow);
    const seen = new Set(pending);
    for (const file of pending) {
      for (const { target } of importsOf(file)) {
        const isMocha = target === "mocha" && file === "host-tests/support/suite.ts";
        // What `obscura deploy` speaks to a camera is what the scenarios speak.
        const isClient = target === "tools/update/management-client.ts";
        if (!isMocha && !isClient && !/^(firmware|simulator|host-tests\/(support|multi))\//.test(target)) {
          objections.push(`${file} may not import ${target}: scenarios also run on XS`);
        }
        if ((isClient || target.startsWith("host-tests/")) && !seen.has(target)) {
          seen.add(target);
          pending.push(target);
        }
      }
    }
    assert.ok(seen.has("host-tests/support/suite.ts"));
    assert.deepEqual(objections, []);
  });

  it("the bundles that run on XS begin with what the engine lacks", () => {
    for (const file of ["firmware/main.ts", "host-tests/xs/main.ts"]) {
      assert.equal(importsOf(file)[0]?.target, "firmware/platform/dispose.ts", file);
    }
  });

  it("applications import the public modules and their own files, nothing else", () => {
    const objections: string[] = [];
    for (const file of sourcesBelow("examples")) {
      const folder = file.split("/").slice(0, 2).join("/");
      // What plays on a computer around the cameras knows the stage, and only its types.
      const isScenario = file === `${folder}/scenario.ts`;
      for (const { target, isType } of importsOf(file)) {
        if (isScenario && isType && target === "tools/scenario/stage.ts") continue;
        if (PUBLIC_MODULES.includes(target) || target.startsWith(`${folder}/`)) continue;
        objections.push(`${file} may not import ${target}: applications see ${PUBLIC_MODULES.join(", ")}`);
      }
    }
    assert.deepEqual(objections, []);
  });
});

/** Imports that lead from a source back to itself, types included. */
function circles(files: readonly string[]): string[] {
  const done = new Set<string>();
  const found: string[] = [];
  const walk = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) found.push([...path.slice(path.indexOf(file)), file].join(" → "));
    if (done.has(file)) return;
    done.add(file);
    for (const { target } of importsOf(file)) if (files.includes(target)) walk(target, [...path, file]);
  };
  for (const file of files) walk(file, []);
  return found;
}

describe("architecture: files of one protocol layer form no circle", () => {
  for (const folder of ["l2cap", "att", "gatt", "smp"]) {
    it(`firmware/ble/${folder}`, () => {
      const files = FIRMWARE.filter((file) => file.startsWith(`firmware/ble/${folder}/`));
      assert.ok(files.length > 0);
      assert.deepEqual(circles(files), []);
    });
  }
});
