/** Advertising data from arbitrary fields: each packet of an input is one field, its first byte the kind. */
import { readFileSync } from "node:fs";
import { type AdvertisingFields, buildAdvertisingPayload } from "../../firmware/ble/gap/advertising-data.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import { toHex } from "../support/bytes.ts";
import type { Target } from "./fuzzer.ts";

const WIDTHS = [2, 4, 16] as const;

function uuidOf(bytes: Uint8Array): UUID {
  const width = WIDTHS[(bytes[0] ?? 0) % 3]!;
  const padded = new Uint8Array(width);
  padded.set(bytes.subarray(1, 1 + width));
  return new UUID(padded);
}

function optionsOf(packets: readonly Uint8Array[]): AdvertisingFields {
  const services: UUID[] = [];
  const solicitation: UUID[] = [];
  const serviceData: [UUID, Uint8Array][] = [];
  const fields: [number, Uint8Array][] = [];
  let options: AdvertisingFields = { connectable: true };
  for (const packet of packets) {
    const data = packet.subarray(1, 80);
    const first = data[0] ?? 0;
    switch ((packet[0] ?? 0) % 11) {
      case 0:
        services.push(uuidOf(data));
        break;
      case 1:
        solicitation.push(uuidOf(data));
        break;
      case 2:
        serviceData.push([uuidOf(data), data.subarray(17)]);
        break;
      case 3:
        fields.push([Math.max(1, first), data.slice(1)]);
        break;
      case 4:
        options = { ...options, name: data.slice() };
        break;
      case 5:
        options = { ...options, name: String.fromCharCode(...data), shortenName: (first & 1) === 1 };
        break;
      case 6:
        options = { ...options, appearance: first * 257 };
        break;
      case 7:
        options = { ...options, manufacturer: [first * 257, data.slice(1)] };
        break;
      case 8:
        options = { ...options, txPower: (first % 255) - 127 };
        break;
      case 9:
        options = {
          ...options,
          uri: `${["https:", "http:", "x:"][first % 3]}${String.fromCharCode(...data)}`,
        };
        break;
      default:
        options = {
          ...options,
          connectable: (first & 1) === 0,
          limitedDisc: (first & 2) !== 0,
          discoverable: (first & 4) === 0,
        };
    }
  }
  return { ...options, services, solicitation, serviceData, fields };
}

/** Types of the AD structures, which must fill the packet to its last byte. */
function typesIn(data: Uint8Array): number[] {
  if (data.length > 31) throw new Error(`${data.length} bytes in one packet`);
  const types: number[] = [];
  for (let at = 0; at < data.length; at += data[at]! + 1) {
    if (data[at] === 0 || at + data[at]! >= data.length) throw new Error(`malformed: ${toHex(data)}`);
    types.push(data[at + 1]!);
  }
  return types;
}

function run(packets: readonly Uint8Array[]): void {
  const options = optionsOf(packets);
  let payload: ReturnType<typeof buildAdvertisingPayload>;
  try {
    payload = buildAdvertisingPayload(options);
  } catch (error) {
    if (error instanceof RangeError && /^advertising payload too long: "/.test(error.message)) return;
    throw error;
  }
  const types = [...typesIn(payload.advData), ...typesIn(payload.respData)];
  if (payload.advData[1] !== 0x01) throw new Error("the flags do not come first");
  if (!options.connectable && (payload.advData[2]! & 0x03) !== 0)
    throw new Error("a discoverable broadcaster");
  const wanted = [
    ...(options.fields ?? []).map(([type]) => type),
    ...(options.manufacturer ? [0xff] : []),
    ...(options.txPower !== undefined ? [0x0a] : []),
    ...(options.uri !== undefined ? [0x24] : []),
  ];
  for (const type of wanted) {
    const at = types.indexOf(type);
    if (at < 0) throw new Error(`a field of type ${type} was lost`);
    types.splice(at, 1);
  }
}

export const advertising: Target = {
  corpus: JSON.parse(readFileSync(new URL("./corpus/advertising.json", import.meta.url), "utf8")),
  invent: (random) => {
    const packet = random.bytes(1 + random.below(random.below(3) === 0 ? 60 : 14));
    packet[0] = random.below(11);
    return packet;
  },
  run,
};
