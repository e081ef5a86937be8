/** The device whose services are discovered: answers as the specification has it, each as much as a packet holds. */
import { aclPacket, type BenchController, completedPackets, le16 } from "./controller.ts";
import { DISCOVERY_MTU, PER_SERVICE, SERVICES } from "./script.ts";

const ERROR_RESPONSE = 0x01;
const EXCHANGE_MTU_REQUEST = 0x02;
const FIND_INFORMATION_REQUEST = 0x04;
const FIND_BY_TYPE_VALUE_REQUEST = 0x06;
const READ_BY_TYPE_REQUEST = 0x08;
const READ_BY_GROUP_TYPE_REQUEST = 0x10;
const ATTRIBUTE_NOT_FOUND = 0x0a;

const PRIMARY_SERVICE = 0x2800;
const CHARACTERISTIC = 0x2803;
const CCCD = 0x2902;
const NOTIFY = 0x10;

interface Attribute {
  readonly handle: number;
  readonly type: number;
  /** What an entry has after its handle, where it is a declaration. */
  readonly entry: readonly number[];
}

/** Services of characteristics that notify, with 16-bit UUIDs. */
function attributes(): Attribute[] {
  const all: Attribute[] = [];
  const add = (type: number, entry: readonly number[] = []): void => {
    all.push({ handle: all.length + 1, type, entry });
  };
  for (let service = 0; service < SERVICES; service++) {
    add(PRIMARY_SERVICE, [...le16(all.length + 1 + 3 * PER_SERVICE), ...le16(0xf000 + service)]);
    for (let index = 0; index < PER_SERVICE; index++) {
      const uuid = 0xe000 + service * PER_SERVICE + index;
      add(CHARACTERISTIC, [NOTIFY, ...le16(all.length + 2), ...le16(uuid)]);
      add(uuid);
      add(CCCD);
    }
  }
  return all;
}

const u16 = (pdu: Uint8Array, at: number): number => pdu[at]! | (pdu[at + 1]! << 8);

/** The response to one request. */
function answer(database: readonly Attribute[], pdu: Uint8Array): readonly number[] {
  const opcode = pdu[0]!;
  if (opcode === EXCHANGE_MTU_REQUEST) return [opcode + 1, ...le16(DISCOVERY_MTU)];
  const found = database.filter(({ handle }) => handle >= u16(pdu, 1) && handle <= u16(pdu, 3));
  if (opcode === FIND_INFORMATION_REQUEST && found.length > 0) {
    const list = found.slice(0, Math.floor((DISCOVERY_MTU - 2) / 4));
    return [opcode + 1, 1, ...list.flatMap(({ handle, type }) => [...le16(handle), ...le16(type)])];
  }
  if (opcode === READ_BY_TYPE_REQUEST || opcode === READ_BY_GROUP_TYPE_REQUEST) {
    const declarations = found.filter(({ type }) => type === u16(pdu, 5));
    const length = 2 + (declarations[0]?.entry.length ?? 0);
    const list = declarations.slice(0, Math.floor((DISCOVERY_MTU - 2) / length));
    if (list.length > 0) {
      return [opcode + 1, length, ...list.flatMap(({ handle, entry }) => [...le16(handle), ...entry])];
    }
  }
  return [ERROR_RESPONSE, opcode, ...le16(u16(pdu, 1)), ATTRIBUTE_NOT_FOUND];
}

/** Serves until the camera looks for one service by its UUID; returns how many requests it answered before. */
export async function serveDiscovery(controller: BenchController, handle: number): Promise<number> {
  const database = attributes();
  for (let requests = 0; ; requests++) {
    const { pdu } = await controller.next();
    controller.send(completedPackets(1, handle), aclPacket(handle, answer(database, pdu)));
    // The exchange of the MTU is no part of a discovery.
    if (pdu[0] === FIND_BY_TYPE_VALUE_REQUEST) return requests - 1;
  }
}
