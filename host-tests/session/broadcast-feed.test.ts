/** examples/broadcast-feed on the host board: a phone hears its values without connecting. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { ToolEvent } from "../../tools/events.ts";
import type { CentralEvent } from "../../tools/rig/events.ts";
import { obscura } from "./run.ts";

/** Service data of a 16-bit UUID (Assigned Numbers, 2.3). */
const SERVICE_DATA = 0x16;
const BTHOME = 0xfcd2;
/** Version 2 in the clear, then a packet identifier, a temperature and a humidity behind their identifiers. */
const LAYOUT = [0x40, 0x00, undefined, 0x02, undefined, undefined, 0x03, undefined, undefined];

/** What a payload of the feed says. */
function readingOf(event: CentralEvent & { readonly event: "found" | "heard" }) {
  const field = event.advertising.find(({ type }) => type === SERVICE_DATA);
  const bytes = Buffer.from(field?.raw ?? "", "hex");
  assert.equal(bytes.readUInt16LE(0), BTHOME);
  const data = bytes.subarray(2);
  assert.deepEqual(
    LAYOUT.map((fixed, index) => fixed ?? data[index]),
    [...data],
  );
  return { count: data[2]!, celsius: data.readInt16LE(4) / 100, percent: data.readUInt16LE(7) / 100 };
}

describe("examples/broadcast-feed", function () {
  this.timeout(600_000);

  it("sends a new reading once a second, to whoever listens, and lets nobody connect", () => hear("sim"));

  it("is heard by a central of others", () => hear("bumble"));

  async function hear(radio: string): Promise<void> {
    const session = obscura("run", "broadcast-feed", "--json", "--radio", radio);
    assert.equal(await session.ended, 0, session.output());
    const events = session
      .output()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as ToolEvent)
      .flatMap((event) =>
        event.type === "central" && event.central.event !== "stepDone" ? [event.central] : [],
      );
    assert.deepEqual(
      events.map(({ event }) => event),
      ["ready", "found", "heard", "heard", "heard", "heard", "heard", "done"],
    );
    const heard = events.filter((event) => event.event === "found" || event.event === "heard");
    let last = -1;
    for (const event of heard) {
      assert.equal(event.connectable, false);
      assert.equal(event.scanResponse.length, 0);
      const { count, celsius, percent } = readingOf(event);
      assert.ok(count > last, `${count} after ${last}`);
      last = count;
      assert.ok(celsius > -40 && celsius < 85, `${celsius} °C`);
      assert.ok(percent >= 0 && percent <= 100, `${percent} %`);
    }
  }
});
