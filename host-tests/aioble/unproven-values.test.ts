/** What a peripheral sends by itself before it has proved that it is the bonded one, in both modules (docs/security.md, Reconnecting). */
import { deepEqual, equal, rejects } from "../support/assert.ts";
import { createReconnecting } from "../support/reconnecting.ts";
import { describe, it } from "../support/suite.ts";

const NOTIFY = 18;
const INDICATE = 19;
const HANDLE = 3;

/** Handle Value Notification and Indication, and Multiple Handle Value Notification, of a value of one byte. */
const SENT = [
  [0x1b, HANDLE, 0, 1],
  [0x1d, HANDLE, 0, 2],
  [0x23, HANDLE, 0, 1, 0, 3],
] as const;

const MOMENTS = {
  "before the link is encrypted": "nobody",
  "once the link is encrypted": "who listens",
  "once it has no key any more": "nobody",
  "once its bond is deleted": "who listens",
} as const;

describe("values that a peripheral sends by itself", () => {
  for (const [when, whom] of Object.entries(MOMENTS)) {
    it(`values that a bonded peripheral sends by itself ${when}: they reach ${whom}`, async () => {
      const { bond, central, meet, peripheral, world } = createReconnecting();
      const heard: (readonly [number, number])[] = [];
      new central.bluetooth.BLE().irq((event, data) => {
        if (event === NOTIFY || event === INDICATE) heard.push([event, (data[2] as Uint8Array)[0]!]);
      });
      let isAtOnce = false;
      let confirmed = 0;
      peripheral.host.observe({
        onConnected({ bearer }) {
          const receive = bearer.receive.bind(bearer);
          bearer.receive = (view, start, length) => {
            if (view.getUint8(start) === 0x1e) confirmed++;
            else receive(view, start, length);
          };
          if (isAtOnce) for (const pdu of SENT) bearer.send(Uint8Array.from(pdu));
        },
      });
      await world.run(async () => {
        await bond();
        const isFirst = when === "before the link is encrypted";
        isAtOnce = isFirst;
        const isLost = when === "once it has no key any more" || when === "once its bond is deleted";
        if (isLost) peripheral.host.bonds!.forgetAll();
        const { client } = central.aioble.counters();
        const before = client!.unwantedValues;
        const { outgoing, incoming } = await meet();
        await world.clock.sleep(1000);
        if (isLost) await rejects(outgoing.exchangeMtu(), { code: "bond-lost" });
        if (when === "once its bond is deleted") central.aioble.security.bonds.clear();
        if (!isFirst) for (const pdu of SENT) incoming.link.bearer.send(Uint8Array.from(pdu));
        await world.clock.sleep(1000);
        equal(outgoing.encrypted, !isLost);
        equal(confirmed, 1, "an indication is confirmed whoever it reaches");
        if (whom === "nobody") {
          deepEqual(heard, []);
          equal(central.aioble.counters().client!.unwantedValues - before, SENT.length);
        } else {
          deepEqual(heard, [
            [NOTIFY, 1],
            [INDICATE, 2],
            [NOTIFY, 3],
          ]);
        }
      });
    });
  }
});
