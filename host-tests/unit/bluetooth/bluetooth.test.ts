import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { UUID } from "../../../firmware/ble/uuid.ts";
import { createBluetooth } from "../../../firmware/bluetooth/bluetooth.ts";
import * as declared from "../../../firmware/bluetooth/index.ts";
import { createRig } from "../../support/rig.ts";

describe("module bluetooth", () => {
  it("binds exactly the names that it declares", () => {
    const bound = createBluetooth(createRig().host);
    assert.deepEqual(Object.keys(bound).sort(), Object.keys(declared).sort());
    assert.equal(bound.UUID, UUID);
  });
});
