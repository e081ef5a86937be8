import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "mocha";
import { UUID } from "../../../firmware/ble/uuid.ts";
import { createBluetooth } from "../../../firmware/bluetooth/bluetooth.ts";
import * as declared from "../../../firmware/bluetooth/index.ts";
import { createRig } from "../../support/rig.ts";

describe("module bluetooth", () => {
  it("binds exactly the names that it declares", () => {
    // What is only declared for TypeScript has no value in the module itself.
    const text = readFileSync(new URL("../../../firmware/bluetooth/index.ts", import.meta.url), "utf8");
    const only = [...text.matchAll(/^export declare const (\w+)/gm)].map((match) => match[1]!);
    const bound = createBluetooth(createRig().host);
    assert.deepEqual(Object.keys(bound).sort(), [...Object.keys(declared), ...only].sort());
    assert.equal(bound.UUID, UUID);
  });

  it("has one BLE for each host, made with and without new", () => {
    const [one, other] = [createBluetooth(createRig().host), createBluetooth(createRig().host)];
    const ble = new one.BLE();
    assert.equal(new one.BLE(), ble);
    assert.equal((one.BLE as unknown as () => unknown)(), ble);
    assert.ok(ble instanceof one.BLE);
    assert.notEqual(new other.BLE(), ble);
  });
});
