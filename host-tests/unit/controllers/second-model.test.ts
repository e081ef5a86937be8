/** What the CYW43 driver sends, replayed through a second model of the chip, which is in Python and shares nothing with ours. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "mocha";
import { Host } from "../../../firmware/ble/host.ts";
import { Cyw43 } from "../../../firmware/controllers/cyw43.ts";
import type { HciTransport, RadioLines } from "../../../firmware/platform/platform.ts";
import { syntheticPatch } from "../../../simulator/chips/patch.ts";
import { createWorld } from "../../../simulator/world.ts";
import { MemoryRecords } from "../../support/cameras.ts";
import { judge, type Verdict } from "../../support/second-model.ts";

const PATCH = syntheticPatch();

/** A camera's bring-up, as events of the chip's lines. */
async function recorded(change: (event: string) => string = (event) => event): Promise<Verdict> {
  const world = createWorld();
  const { platform, line } = world.addChipCamera({
    line: { patch: PATCH, downloadBaud: 2_500_000, runBaud: 3_000_000 },
  });
  const events: string[] = [];
  let baudRate = 115_200;
  const lines: RadioLines = {
    driver: line.driver,
    downloadBaud: line.downloadBaud,
    runBaud: line.runBaud,
    power(on) {
      events.push(`power ${on ? 1 : 0}`);
      line.power(on);
    },
    wake: (awake) => line.wake(awake),
    isReady: () => line.isReady(),
    watchReady: (listener) => line.watchReady(listener),
    setBaudRate: (rate) => {
      baudRate = line.setBaudRate(rate);
      return baudRate;
    },
    patch: () => ({ ...line.patch()!, send: (offset) => sendRecord(offset) }),
  };
  const sendRecord = (offset: number): number => {
    const end = offset + 3 + PATCH[offset + 2]!;
    return transport.write(Uint8Array.of(1), 1, PATCH, offset, end) ? end - offset : 0;
  };
  const transport: HciTransport = {
    open: (receiver) => line.open(receiver),
    write(header, headerLength, payload = header, start = 0, end = payload === header ? 0 : payload.length) {
      const bytes = line.gather(header, headerLength, payload, start, end);
      events.push(`bytes ${baudRate} ${Buffer.from(bytes).toString("hex")}`);
      return line.write(header, headerLength, payload, start, end);
    },
    gather: (...rest) => line.gather(...rest),
    close: () => line.close(),
  };
  const { clock, log } = platform;
  const driver = new Cyw43({ transport, lines, clock, log });
  const host = new Host(platform, new MemoryRecords(), new Map(), driver);
  await world.run(() => host.activate());
  return judge(events.map(change));
}

describe("CYW43: a second model of the chip", function () {
  this.timeout(60_000);

  it("gets the patch byte for byte, in its order and at its rates, and ends at the run's", async () => {
    const verdict = await recorded();
    assert.equal(verdict.sha256, createHash("sha256").update(PATCH).digest("hex"));
    assert.equal(verdict.records, 139);
    assert.equal(verdict.mode, "patched");
    assert.equal(verdict.rate, 3_000_000);
    assert.equal(verdict.noise, 0);
    assert.deepEqual(verdict.faults, []);
    assert.deepEqual(
      verdict.opcodes.slice(0, 8),
      [0x0c03, 0xfc18, 0x0c03, 0xfc2e, 0xfc4e, 0x0c03, 0xfc18, 0x0c03],
    );
  });

  it("finds a rate that was not changed, a record that was, and bytes without supply", async () => {
    const late = await recorded((event) => event.replace("bytes 2500000 ", "bytes 115200 "));
    assert.ok(late.noise > 30_000, `${late.noise}`);
    let records = 0;
    const changed = await recorded((event) =>
      /014cfc/.test(event) && ++records === 77
        ? event.replace(/.$/, (digit) => (digit === "0" ? "1" : "0"))
        : event,
    );
    assert.notEqual(changed.sha256, createHash("sha256").update(PATCH).digest("hex"));
    const unpowered = await recorded((event) => (event === "power 1" ? "power 0" : event));
    assert.ok(unpowered.faults.length > 0);
  });
});
