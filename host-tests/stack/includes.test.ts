/** Included and secondary services, found by Read By Type of 0x2802 (Vol 3, Part G, 3.2 and 4.5.1). */
import type { ServiceDefinition } from "../../firmware/ble/gatt/server/database.ts";
import { PROPERTY } from "../../firmware/ble/gatt/types.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import { deepEqual, equal, throws } from "../support/assert.ts";
import { concat, counting, fromHex, le16, toHex } from "../support/bytes.ts";
import { type Client, clientOn, error, FIRST } from "../support/gatt.ts";
import { createConnectedRig, createRig } from "../support/rig.ts";
import { describe, it } from "../support/suite.ts";

const INCLUDE = 0x2802;
const LONG_UUID = new UUID("6e400001-b5a3-f393-e0a9-e50e24dcca9e");

const value = (uuid: number) => ({
  uuid: new UUID(uuid),
  properties: PROPERTY.READ,
  value: counting(1),
  maxLength: 0,
});

const battery: ServiceDefinition = { uuid: new UUID(0x180f), characteristics: [value(0x2a19)] };
const secondary: ServiceDefinition = {
  uuid: new UUID(0xfff5),
  secondary: true,
  characteristics: [value(0xfff6)],
};
/** A 32-bit UUID travels as a 128-bit one (Vol 3, Part G, 2.5.4). */
const wide: ServiceDefinition = { uuid: new UUID(0x12345678), characteristics: [] };
const long: ServiceDefinition = { uuid: LONG_UUID, characteristics: [value(0xfff7)], includes: [secondary] };
const main: ServiceDefinition = {
  uuid: new UUID(0xfff0),
  characteristics: [value(0xfff1)],
  includes: [battery, long, wide, secondary],
};

/**
 * 14 main, 15 to 18 its includes, 19 and 20 its value; 21 battery to 23; 24 long, 25 its include, 26 and 27 its value;
 * 28 secondary to 30; 31 wide.
 */
const SERVICES = [main, battery, long, secondary, wide];
const MAIN_INCLUDES = [
  { handle: 15, text: "0f 00 15 00 17 00 0f 18" },
  { handle: 16, text: "10 00 18 00 1b 00" },
  { handle: 17, text: "11 00 1f 00 1f 00" },
  { handle: 18, text: "12 00 1c 00 1e 00 f5 ff" },
];

async function createServed(mtu = 23): Promise<Client> {
  const client = clientOn(await createConnectedRig((rig) => void rig.host.gatt.register(SERVICES)));
  if (mtu > 23) await client.send([0x02], le16(mtu));
  return client;
}

const readByType = (client: Client, first: number, last: number, type: number) =>
  client.send([0x08], le16(first), le16(last), le16(type));

describe("stack: included services", () => {
  for (const mtu of [23, 100]) {
    it(`Read By Type of 0x2802 at MTU ${mtu}: 16-bit UUIDs are included, of others the handles alone, never mixed`, async () => {
      const client = await createServed(mtu);
      // Entries of one length go into one answer, so an include with a UUID and one without are in two.
      deepEqual(await readByType(client, FIRST, 20, INCLUDE), [`09 08 ${MAIN_INCLUDES[0]!.text}`]);
      deepEqual(await readByType(client, 16, 20, INCLUDE), [
        `09 06 ${MAIN_INCLUDES[1]!.text} ${MAIN_INCLUDES[2]!.text}`,
      ]);
      deepEqual(await readByType(client, 17, 20, INCLUDE), [`09 06 ${MAIN_INCLUDES[2]!.text}`]);
      deepEqual(await readByType(client, 18, 20, INCLUDE), [`09 08 ${MAIN_INCLUDES[3]!.text}`]);
      deepEqual(await readByType(client, 19, 20, INCLUDE), [error(0x08, 19, 0x0a)]);
      deepEqual(await readByType(client, 24, 27, INCLUDE), ["09 08 19 00 1c 00 1e 00 f5 ff"]);
    });
  }

  it("walked as a client does: every include once, and the UUIDs that are not included read from their services", async () => {
    const client = await createServed();
    const found: string[] = [];
    for (let first = 1; ; ) {
      const reply = fromHex((await readByType(client, first, 0xffff, INCLUDE))[0]!);
      if (reply[0] === 0x01) {
        equal(reply[4], 0x0a);
        break;
      }
      const size = reply[1]!;
      for (let at = 2; at < reply.length; at += size) {
        const entry = reply.slice(at, at + size);
        const target = entry[2]! | (entry[3]! << 8);
        const [answer] = await client.read(target);
        const uuid = fromHex(answer!).slice(1);
        if (size === 8) deepEqual(entry.slice(6), uuid);
        found.push(`${entry[0]}: ${new UUID(uuid)}`);
        first = entry[0]! + 1;
      }
    }
    deepEqual(found, [
      "15: UUID(0x180f)",
      `16: ${LONG_UUID}`,
      "17: UUID('12345678-0000-1000-8000-00805f9b34fb')",
      "18: UUID(0xfff5)",
      "25: UUID(0xfff5)",
    ]);
  });

  it("declarations are read by their handles, and nobody may write them", async () => {
    const client = await createServed();
    for (const { handle, text } of MAIN_INCLUDES) {
      deepEqual(await client.read(handle), [`0b ${text.slice(6)}`]);
      deepEqual(await client.write([1], handle), [error(0x12, handle, 0x03)]);
    }
  });

  it("a secondary service is no primary one: found by its type, and by what includes it (4.4)", async () => {
    const client = await createServed();
    const group = (type: number, first: number) => client.send([0x10], le16(first), le16(0xffff), le16(type));
    deepEqual(await group(0x2801, 1), ["11 06 1c 00 1e 00 f5 ff"]);
    deepEqual(await group(0x2801, 29), [error(0x10, 29, 0x0a)]);
    deepEqual(await group(0x2800, 28), [`11 14 1f 00 1f 00 ${toHex(wide.uuid.bytes128)}`]);
    const byValue = concat(le16(1), le16(0xffff), le16(0x2800), le16(0xfff5));
    deepEqual(await client.send([0x06], byValue), [error(0x06, 1, 0x0a)]);
  });

  it("through the API: a Service includes others of the same registration, in any order", async () => {
    const rig = createRig();
    const { Service, registerServices } = rig.aioble;
    const inner = new Service(new UUID(0xfff5), { secondary: true });
    const outer = new Service(new UUID(0xfff0), { includes: [inner] });
    registerServices(inner, outer);
    deepEqual(toHex(rig.host.gatt.at(FIRST + 2)!.value), "0e 00 0e 00 f5 ff");
    registerServices(outer, inner);
    deepEqual(toHex(rig.host.gatt.at(FIRST + 1)!.value), "10 00 10 00 f5 ff");
    throws(() => registerServices(outer), TypeError);
    equal(rig.host.gatt.at(FIRST + 2)!.type.short, 0x2801, "the database stays as it was");
  });

  it("through the API: a Service that includes itself, by whichever way, is refused (Vol 3, Part G, 3.1)", () => {
    const { Service, registerServices } = createRig().aioble;
    const includes: InstanceType<typeof Service>[] = [];
    const inner = new Service(new UUID(0xfff5), { includes });
    const outer = new Service(new UUID(0xfff0), { includes: [inner] });
    registerServices(inner, outer);
    for (const service of [inner, outer]) {
      includes[0] = service;
      throws(
        () => registerServices(inner, outer),
        /^TypeError: registerServices: a service includes itself$/,
      );
    }
  });

  it("through the API: includes that are no services are a TypeError of the Service", () => {
    const { Service } = createRig().aioble;
    for (const includes of ["yes", {}, [null], [{}], [new UUID(1)], Number.NaN]) {
      throws(
        () => new Service(new UUID(0xfff0), { includes: includes as never }),
        /^TypeError: Service: includes /,
      );
    }
  });
});
