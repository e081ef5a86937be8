import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "mocha";
import * as declared from "../../../firmware/aioble/index.ts";
import { UUID } from "../../../firmware/ble/uuid.ts";
import { ATT, createRig } from "../../support/rig.ts";

describe("module aioble", () => {
  it("binds exactly the names that it declares", () => {
    // What is only declared for TypeScript has no value in the module itself.
    const text = readFileSync(new URL("../../../firmware/aioble/index.ts", import.meta.url), "utf8");
    const functions = [...text.matchAll(/^export declare (?:function|const) (\w+)/gm)].map(
      (match) => match[1]!,
    );
    const names = [...new Set([...Object.keys(declared), ...functions])].sort();
    assert.deepEqual(Object.keys(createRig().aioble).sort(), names);
  });

  it("two hosts in one process share nothing", async () => {
    const rigs = [createRig(), createRig()] as const;
    const connections = [];
    for (const [at, rig] of rigs.entries()) {
      const service = new rig.aioble.Service(new UUID(0x1810 + at));
      new rig.aioble.Characteristic(service, new UUID(0x2a6e), { read: true, initial: `${at}` });
      rig.aioble.registerServices(service);
      const advertising = rig.aioble.advertise({ intervalUs: 100_000, name: `rig ${at}` });
      await rig.settle();
      await rig.connect();
      connections.push(await advertising);
      rig.controller.autoComplete = true;
    }
    for (const [at, rig] of rigs.entries()) {
      assert.deepEqual(await rig.exchange(ATT, [0x0a, 16, 0]), [`0b 3${at}`]);
    }
    await rigs[0].disconnect();
    assert.deepEqual(
      connections.map((connection) => connection.isConnected()),
      [false, true],
    );
  });
});
