/** The limits that docs/application.md names are those of the sources. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { LIMITED_DISCOVERABLE_MS } from "../../../firmware/aioble/advertising.ts";
import { CAPTURE_QUEUE_SIZE } from "../../../firmware/aioble/capture.ts";
import { TRANSACTION_TIMEOUT_MS } from "../../../firmware/ble/att/bearer.ts";
import { OPERATIONS_MAX } from "../../../firmware/ble/att/client-role.ts";
import { ADVERTISING_DATA_LENGTH } from "../../../firmware/ble/gap/advertising-data.ts";
import {
  ADVERTISING_INTERVAL_MAX_US,
  ADVERTISING_INTERVAL_MIN_US,
  HIGH_DUTY_MS,
} from "../../../firmware/ble/gap/advertising-set.ts";
import { RPA_TIMEOUT_SETTING } from "../../../firmware/ble/gap/resolvable-address.ts";
import { ATTRIBUTES_MAX, ATTRIBUTES_MAX_ALL, INBOX_SIZE } from "../../../firmware/ble/gatt/client/client.ts";
import { SUBSCRIPTIONS_MAX } from "../../../firmware/ble/gatt/server/client-state.ts";
import { PREPARED_BYTES_MAX, PREPARED_COUNT_MAX } from "../../../firmware/ble/gatt/server/prepared-writes.ts";
import { QUESTIONS_MAX } from "../../../firmware/ble/gatt/server/questions.ts";
import { INDICATIONS_MAX } from "../../../firmware/ble/gatt/server/updates.ts";
import { DEFAULT_CAPACITY } from "../../../firmware/ble/gatt/server/values.ts";
import { MAX_VALUE_LENGTH } from "../../../firmware/ble/gatt/types.ts";
import { QUEUE_LIMIT, QUEUE_LIMIT_ALL, QUEUE_SHARE } from "../../../firmware/ble/hci/acl.ts";
import { COMMAND_TIMEOUT_MS } from "../../../firmware/ble/hci/command-queue.ts";
import { SILENCE_MS } from "../../../firmware/ble/hci/hci.ts";
import { IDLE_TIMEOUT_SETTING } from "../../../firmware/ble/idle-links.ts";
import { MTU_SETTING } from "../../../firmware/ble/links.ts";
import { MAX_BONDS_SETTING } from "../../../firmware/ble/smp/bonds.ts";
import {
  PEER_WRITES_MAX,
  STRANGER_WRITES_MAX,
  WRITE_REFILL_MS,
} from "../../../firmware/ble/smp/kept-bond.ts";
import { createBluetooth } from "../../../firmware/bluetooth/bluetooth.ts";
import { APPLICATION_TIMERS } from "../../../firmware/platform/timers.ts";
import { readPage } from "../../docs/blocks.ts";
import { createRig } from "../../support/rig.ts";

/** Figures that a row holds, by how the row begins. */
const figures: Readonly<Record<string, readonly number[]>> = {
  "bytes in an advertising packet": [ADVERTISING_DATA_LENGTH],
  "advertising interval": [ADVERTISING_INTERVAL_MIN_US, ADVERTISING_INTERVAL_MAX_US],
  "limited discoverable mode": [LIMITED_DISCOVERABLE_MS / 1000, HIGH_DUTY_MS / 1000],
  "value of a characteristic": [MAX_VALUE_LENGTH],
  "room for what a client writes": [DEFAULT_CAPACITY],
  ATT_MTU: [MTU_SETTING.min, MTU_SETTING.initial],
  "parts and bytes of a long write": [PREPARED_COUNT_MAX, PREPARED_BYTES_MAX],
  "time of your": [TRANSACTION_TIMEOUT_MS / 1000 - 1],
  "time of a client's confirmation": [TRANSACTION_TIMEOUT_MS / 1000],
  "writes without response": [QUESTIONS_MAX],
  "operations that wait": [OPERATIONS_MAX],
  "values of one characteristic": [INBOX_SIZE],
  "services, characteristics and descriptors": [ATTRIBUTES_MAX, ATTRIBUTES_MAX_ALL],
  "time of a device's answer": [TRANSACTION_TIMEOUT_MS / 1000],
  "indications that wait": [INDICATIONS_MAX],
  "notifications that wait": [QUEUE_LIMIT, QUEUE_LIMIT_ALL, QUEUE_SHARE],
  "timers of": [APPLICATION_TIMERS],
  "answer of the controller": [COMMAND_TIMEOUT_MS],
  "silence of the controller": [SILENCE_MS],
};

describe("docs/security.md", () => {
  it("names limits as they are", () => {
    const page = readPage("docs/security.md").replaceAll(/\s+/g, " ");
    const { initial, max, min } = MAX_BONDS_SETTING;
    for (const sentence of [
      `is ${initial} at first, ${min} to ${max}`,
      `each bonded device has ${PEER_WRITES_MAX} writes at once, strangers ${STRANGER_WRITES_MAX}`,
      `one comes back every ${WRITE_REFILL_MS / 1000} s`,
      `${SUBSCRIPTIONS_MAX} are kept for each client`,
      `every ${RPA_TIMEOUT_SETTING.initial / 60_000} minutes (\`rpaTimeoutMs\`, 900,000 at first, from 1,000 up)`,
      `has ${TRANSACTION_TIMEOUT_MS / 1000 - 1} s. Anything but true`,
    ]) {
      assert.ok(page.includes(sentence), sentence);
    }
  });
});

describe("docs/application.md", () => {
  const page = readPage("docs/application.md");

  it("names limits as they are", () => {
    for (const [beginning, values] of Object.entries(figures)) {
      const row = page.split("\n").find((line) => line.startsWith(`| ${beginning}`));
      assert.ok(row, `no row "${beginning}"`);
      const said: readonly string[] = row.replaceAll(",", "").match(/\d+(\.\d+)?/g) ?? [];
      assert.deepEqual(
        values.filter((value) => !said.includes(String(value))),
        [],
        row,
      );
    }
  });

  it("names settings with what they are at first", () => {
    const rig = createRig();
    createBluetooth(rig.host);
    const { config } = rig.aioble;
    // The rig looks for no idle links.
    config({ idleTimeoutMs: IDLE_TIMEOUT_SETTING.initial });
    assert.equal(config("captureQueueSize"), CAPTURE_QUEUE_SIZE);
    const section = page.split("## Settings and logs")[1]!.split("\n## ")[0]!;
    const rows = [...section.matchAll(/^\| `(\w+)` \|.*\| (\S*) ?\|$/gm)];
    assert.equal(rows.length, 10);
    for (const [row, key, value] of rows) {
      if (key === "mac") continue;
      const expected = value!.replaceAll("`", "");
      const actual = config(key as "mtu" | "gapName");
      assert.equal(key === "gapName" ? JSON.stringify(actual) : String(actual), expected, row);
    }
  });
});
