/** Updates of one value to several clients at once: whoever asked is sent what it asked for, whole frames on each link. */
import { PROPERTY } from "../../firmware/ble/gatt/types.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import { SeededRandom } from "../../simulator/random.ts";
import { deepEqual, equal, ok } from "../support/assert.ts";
import { counting } from "../support/bytes.ts";
import { type Central, createServed, offer } from "../support/served.ts";
import { describe, it } from "../support/suite.ts";

const VALUE = 0xfff1;
const UPDATES = 60;

interface Receiver extends Central {
  readonly bits: number;
  /** What it was or should be sent, cut to its MTU. */
  readonly expected: Uint8Array[];
}

function received({ link }: Central, kind: "notification" | "indication"): Uint8Array[] {
  return link.att.values.filter((each) => each.kind === kind).map(({ value }) => value);
}

describe("stack: updates to several clients", () => {
  for (const aclPackets of [1, 2, 8]) {
    for (const dataLength of [27, 251]) {
      it(`each is sent what it asked for, at its MTU, with ${aclPackets} buffers of ${dataLength} bytes`, async () => {
        const random = new SeededRandom(aclPackets * dataLength);
        const { world, camera, offered, meet, sleep } = createServed(
          (camera) => offer(camera, { read: true, notify: true, indicate: true }),
          { controller: { aclPackets, aclPacketLength: dataLength } },
        );
        const [target] = offered;
        await world.run(async () => {
          const clients: Receiver[] = [];
          for (const [bits, mtu] of [
            [1, 23],
            [2, 100],
            [1, 100],
            [3, 517],
          ] as const) {
            const central = await meet();
            if (mtu > 23) await central.link.exchangeMtu(mtu);
            const cccd = central.database.characteristic(VALUE).descriptors[0]!;
            await central.link.write(cccd, new Uint8Array([bits, 0]));
            clients.push({ ...central, bits, expected: [] });
          }
          for (let count = 0; count < UPDATES; count++) {
            const value = counting(random.u32() % 3 === 0 ? random.u32() % 300 : 10, count);
            equal(target!.write(value, { sendUpdate: true }), clients.length);
            for (const { expected, connection } of clients) expected.push(value.slice(0, connection.mtu - 3));
            // One out of three times the next update comes at once.
            if (random.u32() % 3 > 0) await sleep(500);
          }
          await sleep(3000);
          for (const client of clients) {
            if (client.bits === 2) {
              // Indications may skip values, never go back, and end with the last.
              let at = 0;
              for (const value of received(client, "indication")) {
                while (at < UPDATES && String(client.expected[at]) !== String(value)) at++;
                ok(at < UPDATES, `an indication out of order: ${value}`);
              }
              deepEqual(received(client, "indication").at(-1), client.expected.at(-1));
              equal(received(client, "notification").length, 0);
            } else {
              deepEqual(received(client, "notification"), client.expected);
              equal(received(client, "indication").length, 0);
            }
          }
        }, 1e6);
        deepEqual(camera.controller.violations, []);
        equal(camera.host.gatt.updates.droppedNotifications, 0);
      });
    }
  }

  it("updates of two values in one turn, notified to two and indicated to one, do not mix", async () => {
    const { world, camera, meet, sleep } = createServed(({ host }) => {
      const characteristic = (uuid: number) => ({
        uuid: new UUID(uuid),
        properties: PROPERTY.READ | PROPERTY.NOTIFY | PROPERTY.INDICATE,
        value: counting(10),
        maxLength: 20,
      });
      const [values] = host.gatt.register([
        { uuid: new UUID(0xfff0), characteristics: [characteristic(VALUE), characteristic(VALUE + 1)] },
      ]);
      return values!;
    });
    await world.run(async () => {
      const clients = [await meet(), await meet(), await meet()];
      for (const [at, { link, database }] of clients.entries()) {
        await link.subscribe(database.characteristic(VALUE), at === 1 ? "indicate" : "notify");
        await link.subscribe(database.characteristic(VALUE + 1));
      }
      const { gatt } = camera.host;
      const handle = clients[0]!.database.characteristic(VALUE).handle;
      const [first, second] = [
        gatt.at(handle)!,
        gatt.at(clients[0]!.database.characteristic(VALUE + 1).handle)!,
      ];
      for (let turn = 0; turn < 5; turn++) {
        equal(gatt.updates.notifySubscribers(first), 3);
        equal(gatt.updates.notifySubscribers(second), 3);
        await sleep(300);
      }
      for (const [at, central] of clients.entries()) {
        const kinds = central.link.att.values.map(({ kind, handle: of }) => `${kind} ${of - handle}`);
        const one = at === 1 ? "indication 0" : "notification 0";
        deepEqual(
          kinds,
          Array.from({ length: 10 }, (_, index) =>
            index % 2 === 0 ? one : `notification ${second.handle - handle}`,
          ),
        );
      }
    });
  });
});
