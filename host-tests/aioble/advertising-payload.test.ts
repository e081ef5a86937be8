/** What advertise() puts into its two packets, as a phone hears them. */
import type { AdvertiseOptions } from "../../firmware/aioble/advertising.ts";
import { utf8Encode } from "../../firmware/ble/utf8.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import { adValue } from "../../simulator/phone/advertising-data.ts";
import { nameOf, type Sighting } from "../../simulator/phone/sightings.ts";
import { createWorld } from "../../simulator/world.ts";
import { deepEqual, equal, ok, rejects, throws } from "../support/assert.ts";
import { counting, fromHex, toHex } from "../support/bytes.ts";
import { addAioble, diagnostics } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";

const OPTIONS = { intervalUs: 100_000 };
const DEVICE_NAME = 0x2a00;
const APPEARANCE = 0x2a01;
const LONG_UUID = "6e400001-b5a3-f393-e0a9-e50e24dcca9e";
const LONG_UUID_WIRE = "9e ca dc 24 0e e5 a9 e0 93 f3 a3 b5 01 00 40 6e";

function createScene() {
  const world = createWorld();
  const camera = addAioble(world);
  const { phone } = world.addPhone();
  /** What the phone hears of one advertisement. */
  const hear = async (options: Partial<AdvertiseOptions>): Promise<Sighting> => {
    const aborter = new camera.globals.AbortController();
    const over = new Error("heard");
    const ended = rejects(camera.aioble.advertise({ ...OPTIONS, ...options, signal: aborter.signal }), {
      message: over.message,
    });
    const sighting = await phone.find({});
    aborter.abort(over);
    await ended;
    return sighting;
  };
  return { world, camera, phone, hear };
}

/** Advertising data and scan response, in hexadecimal. */
function packets({ advertising, scanResponse }: Sighting): [string, string] {
  return [toHex(advertising), toHex(scanResponse ?? new Uint8Array(0))];
}

describe("aioble: the payload of advertise()", () => {
  it("has 31 usable bytes in each packet (C10)", async () => {
    const { world, hear } = createScene();
    await world.run(async () => {
      const name = "n".repeat(26);
      const { advertising, scanResponse } = await hear({ name, manufacturer: [0xffff, counting(27)] });
      equal(advertising.length, 31);
      equal(scanResponse!.length, 31);
      deepEqual(adValue(scanResponse!, 0xff), new Uint8Array([0xff, 0xff, ...counting(27)]));
    });
  });

  it("measures names in bytes of UTF-8", async () => {
    const { world, hear } = createScene();
    await world.run(async () => {
      // 13 letters of two bytes fill the first packet, 14 need the second.
      equal((await hear({ name: "ä".repeat(13) })).advertising.length, 31);
      const longer = await hear({ name: "ä".repeat(14) });
      deepEqual([longer.advertising.length, longer.scanResponse!.length], [3, 30]);
      for (const name of ["Käfer 📷", "カメラ", "камера"]) equal(nameOf(await hear({ name })), name);
      equal(nameOf(await hear({ name: utf8Encode("Ωmega") })), "Ωmega");
    });
  });

  it("moves whole fields into the scan response, in their order; a small one may come back", async () => {
    const { world, hear } = createScene();
    await world.run(async () => {
      const services = Array.from({ length: 10 }, (_, at) => new UUID(0x1800 + at));
      const sighting = await hear({
        services,
        name: "obscura",
        appearance: 0x0540,
        manufacturer: [1, counting(2)],
      });
      deepEqual(packets(sighting), [
        "02 01 06 15 03 00 18 01 18 02 18 03 18 04 18 05 18 06 18 07 18 08 18 09 18 03 19 40 05",
        "08 09 6f 62 73 63 75 72 61 05 ff 01 00 00 01",
      ]);
    });
  });

  const many = (count: number, uuid: (at: number) => UUID) =>
    Array.from({ length: count }, (_, at) => uuid(at));
  const wide = (at: number) => new UUID(`${at}e400001-b5a3-f393-e0a9-e50e24dcca9e`);
  const misfits: [field: string, excess: number, options: Partial<AdvertiseOptions>][] = [
    ["name", 1, { name: "n".repeat(30) }],
    ["name", 3, { name: "ä".repeat(16) }],
    ["services (16-bit)", 1, { services: many(15, (at) => new UUID(at)) }],
    ["services (32-bit)", 3, { services: many(8, (at) => new UUID(`0000000${at}`)) }],
    ["services (128-bit)", 3, { services: many(2, wide) }],
    ["manufacturer", 4, { manufacturer: [1, counting(31)] }],
    ["serviceData", 5, { serviceData: [[new UUID(0x181a), counting(32)]] }],
    ["serviceData", 1, { serviceData: [[new UUID(LONG_UUID), counting(14)]] }],
    ["uri", 2, { uri: `https:${"u".repeat(30)}` }],
    ["solicitation (128-bit)", 3, { solicitation: many(2, wide) }],
    ["fields (type 0x2a)", 9, { fields: [[0x2a, counting(38)]] }],
    // What is left over counts, not only what a packet holds.
    ["manufacturer", 6, { name: "n".repeat(29), manufacturer: [1, counting(30)] }],
  ];
  for (const [field, excess, options] of misfits) {
    it(`an error names the field that does not fit, and by how much: ${field}, ${excess} (mp 5232, mp 7130)`, () => {
      const { camera } = createScene();
      throws(() => camera.aioble.advertise({ ...OPTIONS, ...options }), {
        name: "RangeError",
        message: new RegExp(`"${field.replace(/[()]/g, "\\$&")}" takes .* shorten it by ${excess} `),
      });
      equal(camera.host.active, false, "not even the radio was switched on");
    });
  }

  it("shortens a name only when asked, between characters, to what the other fields leave", async () => {
    const { world, hear } = createScene();
    const name = "a name that is longer than a packet, größer";
    await world.run(async () => {
      const first = await hear({ name, shortenName: true });
      deepEqual(adValue(first.scanResponse!, 0x08), utf8Encode(name.slice(0, 29)));
      // The first packet has 10 bytes left, the response 31: the manufacturer's 12 come first.
      const services = [new UUID(LONG_UUID)];
      const second = await hear({ name, shortenName: true, services, manufacturer: [1, counting(8)] });
      deepEqual(adValue(second.scanResponse!, 0xff), new Uint8Array([1, 0, ...counting(8)]));
      deepEqual(adValue(second.scanResponse!, 0x08), utf8Encode(name.slice(0, 17)));
      const cut = await hear({ name: `${"n".repeat(28)}ü`, shortenName: true });
      deepEqual(adValue(cut.scanResponse!, 0x08), utf8Encode("n".repeat(28)), "not in the middle of the ü");
      const whole = await hear({ name: "fits", shortenName: true });
      deepEqual(adValue(whole.advertising, 0x09), utf8Encode("fits"));
    });
  });

  for (const [options, flags] of [
    [{}, 0x06],
    [{ limitedDisc: true }, 0x05],
    [{ discoverable: false }, 0x04],
    [{ discoverable: false, limitedDisc: true }, 0x04],
    [{ brEdr: true }, 0x1a],
    [{ brEdr: true, limitedDisc: true }, 0x19],
    [{ connectable: false }, 0x04],
    [{ connectable: false, limitedDisc: true }, 0x04],
  ] as const) {
    it(`flags of ${JSON.stringify(options)}`, async () => {
      const { world, camera, hear } = createScene();
      await world.run(async () => {
        deepEqual(adValue((await hear(options)).advertising, 0x01), new Uint8Array([flags]));
        await hear(options);
      });
      equal(diagnostics(camera).length, "brEdr" in options ? 1 : 0, "brEdr is warned of, once");
    });
  }

  it("sends raw data as they are, in place of all fields", async () => {
    const { world, camera, phone, hear } = createScene();
    const [adv, resp] = [fromHex("02 01 06 04 ff 4d 50 59"), fromHex("03 09 61 62")];
    await world.run(async () => {
      deepEqual(packets(await hear({ advData: adv, respData: resp })), [toHex(adv), toHex(resp)]);
      deepEqual(packets(await hear({ advData: counting(31) })), [toHex(counting(31)), ""]);
      const ended = rejects(camera.aioble.advertise({ ...OPTIONS, respData: resp, timeoutMs: 500 }));
      const heard = await phone.scan(500);
      deepEqual(
        heard.slice(0, 2).map(({ data }) => toHex(data)),
        ["", toHex(resp)],
      );
      await ended;
    });
  });

  it("refuses raw data together with fields, or longer than a packet", () => {
    const { advertise } = createScene().camera.aioble;
    const both = { ...OPTIONS, advData: new Uint8Array(3), name: "n", services: [] };
    throws(() => advertise(both), { name: "TypeError", message: /leave out name, services/ });
    throws(() => advertise({ ...OPTIONS, advData: new Uint8Array(32) }), {
      name: "RangeError",
      message: /advData 32/,
    });
    throws(() => advertise({ ...OPTIONS, respData: new Uint8Array(40) }), {
      name: "RangeError",
      message: /respData 40/,
    });
  });

  const fields: [string, Partial<AdvertiseOptions>, string][] = [
    ["service data of a 16-bit UUID", { serviceData: [[new UUID(0x180f), fromHex("64")]] }, "04 16 0f 18 64"],
    [
      "service data of a 32-bit UUID",
      { serviceData: [[new UUID("12345678"), fromHex("0102")]] },
      "07 20 78 56 34 12 01 02",
    ],
    [
      "service data of a 128-bit UUID",
      { serviceData: [[new UUID(LONG_UUID), fromHex("ff")]] },
      `12 21 ${LONG_UUID_WIRE} ff`,
    ],
    [
      "service data of two services",
      {
        serviceData: [
          [new UUID(0x180f), fromHex("64")],
          [new UUID(0x181a), new Uint8Array(0)],
        ],
      },
      "04 16 0f 18 64 03 16 1a 18",
    ],
    ["a transmit power", { txPower: -20 }, "02 0a ec"],
    ["an https URI", { uri: "https://a.b" }, "07 24 17 2f 2f 61 2e 62"],
    ["an http URI", { uri: "http://a.b" }, "07 24 16 2f 2f 61 2e 62"],
    ["another URI", { uri: "x:y" }, "05 24 01 78 3a 79"],
    [
      "solicitation of 16-bit UUIDs",
      { solicitation: [new UUID(0x1805), new UUID(0x1811)] },
      "05 14 05 18 11 18",
    ],
    ["solicitation of a 32-bit UUID", { solicitation: [new UUID("12345678")] }, "05 1f 78 56 34 12"],
    ["solicitation of a 128-bit UUID", { solicitation: [new UUID(LONG_UUID)] }, `11 15 ${LONG_UUID_WIRE}`],
    [
      "any AD type",
      {
        fields: [
          [0x1a, fromHex("a000")],
          [0x3d, new Uint8Array(0)],
        ],
      },
      "03 1a a0 00 01 3d",
    ],
  ];
  for (const [name, options, wire] of fields) {
    it(`a field that aioble lacks: ${name} (lib 794)`, async () => {
      const { world, hear } = createScene();
      await world.run(async () => {
        deepEqual(packets(await hear(options)), [`02 01 06 ${wire}`, ""]);
      });
    });
  }

  it("is copied: the application may change its bytes after the call (mp 16577)", async () => {
    const { world, camera, phone } = createScene();
    await world.run(async () => {
      const data = fromHex("010203");
      const raw = fromHex("02 01 06");
      for (const options of [{ manufacturer: [1, data] as const }, { advData: raw }]) {
        const ended = rejects(camera.aioble.advertise({ ...OPTIONS, ...options, timeoutMs: 1000 }), {
          code: "timeout",
        });
        data.fill(0xee);
        raw.fill(0xee);
        ok(!toHex((await phone.find({})).advertising).includes("ee"));
        await ended;
        data.set([1, 2, 3]);
        raw.set([2, 1, 6]);
      }
    });
  });

  it("is what the GAP Device Name and Appearance say too, unless it is set otherwise", async () => {
    const { world, camera, phone } = createScene();
    const { advertise } = camera.aioble;
    const read = async (options: Partial<AdvertiseOptions>): Promise<[string, string]> => {
      const advertised = advertise({ ...OPTIONS, ...options });
      const link = await phone.connect(await phone.find({}));
      await advertised;
      const database = await link.discover();
      const name = await link.read(database.characteristic(DEVICE_NAME));
      const appearance = await link.read(database.characteristic(APPEARANCE));
      await link.disconnect();
      return [toHex(name), toHex(appearance)];
    };
    await world.run(async () => {
      deepEqual(await read({ name: "käfer", appearance: 0x0540 }), ["6b c3 a4 66 65 72", "40 05"]);
      deepEqual(await read({ name: "other", appearance: 0x0541, updateGap: false }), [
        "6b c3 a4 66 65 72",
        "40 05",
      ]);
      deepEqual(await read({ services: [] }), ["6b c3 a4 66 65 72", "40 05"], "what is not given stays");
      deepEqual(await read({ name: utf8Encode("bytes"), appearance: 0 }), [
        toHex(utf8Encode("bytes")),
        "00 00",
      ]);
      camera.aioble.config({ gapName: "configured" });
      deepEqual(await read({ name: "other", updateGap: false }), [toHex(utf8Encode("configured")), "00 00"]);
      const long = "a name that is longer than a packet";
      const [whole] = await read({ name: long, shortenName: true });
      equal(whole, toHex(utf8Encode(long)), "the characteristic has the whole name (CSS, Part A, 1.2)");
    });
  });

  it("refuses a name that no Device Name characteristic may hold (Vol 3, Part C, 12.1)", () => {
    const { advertise } = createScene().camera.aioble;
    throws(() => advertise({ ...OPTIONS, name: "n".repeat(249), shortenName: true }), {
      name: "RangeError",
      message: /name in bytes 249/,
    });
  });
});
