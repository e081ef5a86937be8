/** Discovery of what a peer serves, by one camera of another. */
import type { ClientService } from "../../firmware/aioble/client-service.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import { deepEqual, equal, ok, rejects, throws } from "../support/assert.ts";
import type { AiobleCamera } from "../support/cameras.ts";
import { withPair } from "../support/pair.ts";
import { describe, it } from "../support/suite.ts";

const HEART_RATE = new UUID(0x180d);
const MEASUREMENT = new UUID(0x2a37);
const LOCATION = new UUID(0x2a38);
const BATTERY = new UUID(0x180f);
const LEVEL = new UUID(0x2a19);
const VENDOR = new UUID("6e400001-b5a3-f393-e0a9-e50e24dcca9e");
const VENDOR_VALUE = new UUID("6e400002-b5a3-f393-e0a9-e50e24dcca9e");
const VENDOR_OTHER = new UUID("6e400003-b5a3-f393-e0a9-e50e24dcca9e");

/** Heart rate, battery, and a service of 128-bit UUIDs. */
function serve({ aioble }: AiobleCamera): void {
  const { Characteristic, Descriptor, Service } = aioble;
  const heartRate = new Service(HEART_RATE);
  new Characteristic(heartRate, MEASUREMENT, { notify: true });
  new Characteristic(heartRate, LOCATION, { read: true, initial: new Uint8Array([1]) });
  const battery = new Service(BATTERY);
  new Characteristic(battery, LEVEL, { read: true, notify: true, initial: new Uint8Array([99]) });
  const vendor = new Service(VENDOR);
  new Characteristic(vendor, VENDOR_VALUE, { write: true, description: "what to do" });
  const other = new Characteristic(vendor, VENDOR_OTHER, { notify: true });
  new Descriptor(other, new UUID("6e400004-b5a3-f393-e0a9-e50e24dcca9e"), { read: true, initial: "mine" });
  new Descriptor(other, new UUID(0x2906), { read: true });
  aioble.registerServices(heartRate, battery, vendor);
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

const uuids = (items: readonly { readonly uuid: UUID }[]): string[] => items.map(({ uuid }) => String(uuid));

describe("client: discovery", () => {
  it("finds every service, characteristic and descriptor, in the order of their handles", async () => {
    await withPair(serve, async ({ toServer }) => {
      const services = await collect(toServer.services());
      deepEqual(uuids(services), [
        "UUID(0x1800)",
        "UUID(0x1801)",
        "UUID(0x180d)",
        "UUID(0x180f)",
        `UUID('6e400001-b5a3-f393-e0a9-e50e24dcca9e')`,
      ]);
      const found: string[] = [];
      for (const service of services.slice(2)) {
        for await (const characteristic of service.characteristics()) {
          equal(characteristic.service, service);
          const descriptors = uuids(await collect(characteristic.descriptors()));
          const name = characteristic.uuid.short < 0 ? "vendor" : characteristic.uuid.short.toString(16);
          found.push(`${name} ${characteristic.properties.toString(16)} ${descriptors.join(" ")}`);
        }
      }
      deepEqual(found, [
        "2a37 10 UUID(0x2902)",
        "2a38 2 ",
        "2a19 12 UUID(0x2902)",
        "vendor 8 UUID(0x2901)",
        "vendor 10 UUID(0x2902) UUID('6e400004-b5a3-f393-e0a9-e50e24dcca9e') UUID(0x2906)",
      ]);
    });
  });

  it("finds by UUID, of 16 and of 128 bits, and says undefined for what is not there", async () => {
    await withPair(serve, async ({ toServer }) => {
      const service = await toServer.service(HEART_RATE);
      ok(service);
      equal((await service.characteristic(LOCATION))?.properties, 0x02);
      equal(await service.characteristic(LEVEL), undefined);
      const vendor = await toServer.service(VENDOR);
      const other = await vendor?.characteristic(VENDOR_OTHER);
      equal((await other?.descriptor(new UUID(0x2906)))?.uuid.short, 0x2906);
      equal(await other?.descriptor(new UUID(0x2901)), undefined);
      equal(await toServer.service(new UUID(0x1812)), undefined);
      equal(await toServer.service(new UUID("0000180d-0000-1000-8000-00805f9b34fa")), undefined);
      equal((await collect(toServer.services(BATTERY))).length, 1);
    });
  });

  it("a loop may be left, also while it waits: the connection is free for others", async () => {
    await withPair(serve, async ({ toServer }) => {
      let first: ClientService | undefined;
      for await (const service of toServer.services()) {
        first = service;
        break;
      }
      equal(first?.uuid.short, 0x1800);
      const discovery = toServer.services();
      const pending = discovery.next();
      await discovery.return?.();
      equal((await pending).done, true);
      equal((await toServer.service(BATTERY))?.uuid.short, 0x180f);
    });
  });

  it("the device side of a link discovers what its central serves", async () => {
    await withPair(
      () => {},
      async ({ client, toClient }) => {
        serve(client);
        const battery = await toClient.service(BATTERY);
        const level = await battery?.characteristic(LEVEL);
        deepEqual(await level?.read(), new Uint8Array([99]));
      },
    );
  });

  /** 8 services of 5 characteristics with a CCCD each, discovered with their descriptors at an ATT_MTU of 247. */
  async function roundTrips(
    walk: (services: AsyncIterable<ClientService>) => Promise<number>,
  ): Promise<number> {
    let requests = 0;
    await withPair(
      ({ aioble }) => {
        const services = Array.from({ length: 8 }, (_, at) => new aioble.Service(new UUID(0xff00 + at)));
        for (const [at, service] of services.entries()) {
          for (let count = 0; count < 5; count++) {
            new aioble.Characteristic(service, new UUID(0xfe00 + 16 * at + count), { notify: true });
          }
        }
        aioble.registerServices(...services);
      },
      async ({ toServer }) => {
        equal(await toServer.exchangeMtu({ mtu: 247 }), 247);
        const { bearer } = toServer.link;
        const send = bearer.send.bind(bearer);
        bearer.send = (pdu) => {
          requests++;
          return send(pdu);
        };
        // Those of the stack have four characteristics, and a descriptor, besides.
        equal(await walk(toServer.services()), 41);
      },
    );
    return requests;
  }

  it("takes 21 round trips for 10 services with their characteristics and descriptors, whatever the order", async () => {
    const nested = await roundTrips(async (services) => {
      let descriptors = 0;
      for await (const service of services) {
        for await (const characteristic of service.characteristics()) {
          descriptors += (await collect(characteristic.descriptors())).length;
        }
      }
      return descriptors;
    });
    const layered = await roundTrips(async (services) => {
      let descriptors = 0;
      for (const service of await collect(services)) {
        for (const characteristic of (await collect(service.characteristics())).reverse()) {
          descriptors += (await collect(characteristic.descriptors())).length;
        }
      }
      return descriptors;
    });
    deepEqual([nested, layered], [21, 21]);
  });

  it("bad arguments throw at once", async () => {
    await withPair(serve, async ({ toServer }) => {
      throws(() => toServer.services(0x180d as never), { name: "TypeError" });
      throws(() => toServer.services(undefined, { timeoutMs: -1 }), { name: "RangeError" });
      await rejects(toServer.service("180d" as never), { name: "TypeError" });
      const battery = await toServer.service(BATTERY);
      throws(() => battery!.characteristics({} as never), { name: "TypeError" });
      await rejects(battery!.characteristic(undefined as never), { name: "TypeError" });
    });
  });
});
