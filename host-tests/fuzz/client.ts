/**
 * What a peer's GATT server sends to a client that discovers, reads, writes and subscribes. A packet that is a response gets
 * the opcode that the client waits for, most of the time, so that its body is looked at.
 */
import { readFileSync } from "node:fs";
import { AttBearer } from "../../firmware/ble/att/bearer.ts";
import type { Operation } from "../../firmware/ble/att/client-role.ts";
import { Budget } from "../../firmware/ble/budget.ts";
import { BleError } from "../../firmware/ble/errors.ts";
import { ATTRIBUTES_MAX, type GattClient, INBOX_SIZE } from "../../firmware/ble/gatt/client/client.ts";
import { GattClients } from "../../firmware/ble/gatt/client/clients.ts";
import {
  discoverCharacteristics,
  discoverDescriptors,
  discoverIncludes,
  findServices,
} from "../../firmware/ble/gatt/client/discovery.ts";
import { readByUuid, readFixedValues, readValue, readValues } from "../../firmware/ble/gatt/client/reads.ts";
import { RemoteService } from "../../firmware/ble/gatt/client/remote.ts";
import { writeReliably, writeValue } from "../../firmware/ble/gatt/client/writes.ts";
import { GattServer } from "../../firmware/ble/gatt/server/server.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import { VirtualClock } from "../../simulator/clock.ts";
import { simulatedCrypto } from "../../simulator/crypto.ts";
import type { SeededRandom } from "../../simulator/random.ts";
import { concat, counting, le16, toHex } from "../support/bytes.ts";
import type { Target } from "./fuzzer.ts";
import { FuzzLink, LIMIT } from "./link.ts";

const ATT = 0x0004;
const VALUE = 0x0003;
/** What a server sends without being asked, and a response that answers any request. */
const VALUES = [0x1b, 0x1d, 0x23];
const ERROR = 0x01;
/** The opcode of the response to each request: one more. */
const RESPONSES = [0x03, 0x05, 0x07, 0x09, 0x0b, 0x0d, 0x0f, 0x11, 0x13, 0x17, 0x19, 0x21];
/** Errors with which an operation may end. */
const CODES = ["device-disconnected", "gatt-error", "protocol-error", "too-many-attributes"];
/** Of the requests of one operation: of what a server of 65,535 attributes could be asked for, and far more than an honest one. */
const REQUESTS_MAX = 70_000;
/** What one response may describe beyond the limit. */
const ONE_RESPONSE = 200;

interface Scene {
  readonly link: FuzzLink;
  readonly bearer: AttBearer;
  readonly budget: Budget;
  readonly client: GattClient;
  readonly clients: GattClients;
  readonly clock: VirtualClock;
}

function setUp(): Scene {
  const clock = new VirtualClock();
  const log = (): void => {};
  const link = new FuzzLink();
  const budget = new Budget(30_000, { log });
  const bearer = new AttBearer(link.l2cap.openFixed(ATT, LIMIT), {
    link: 0x40,
    clock,
    account: budget.account(0x40),
    preferredMtu: LIMIT,
    log,
    settings: { logLevel: 0 },
    onMtu: () => {},
    onTimeout: () => {},
  });
  new GattServer({ clock, aesCmac: simulatedCrypto.aesCmac, log }).open(bearer, link);
  const clients = new GattClients({ gattCacheSize: 0 });
  return { link, bearer, budget, clients, client: clients.open(bearer, "peer"), clock };
}

async function walk(operation: Operation, client: GattClient, service: RemoteService): Promise<void> {
  client.adopt(service);
  await discoverIncludes(operation, service, client);
  while (!service.isComplete) {
    await discoverCharacteristics(operation, service, client);
    const last = service.characteristics.at(-1);
    if (last) await discoverDescriptors(operation, service, last, client);
  }
  for (const characteristic of service.characteristics) {
    await discoverDescriptors(operation, service, characteristic, client);
  }
}

async function walkAll(operation: Operation, client: GattClient, uuid?: UUID): Promise<void> {
  for (let first: number | undefined = 1; first !== undefined; ) {
    const { items, next }: Awaited<ReturnType<typeof findServices>> = await findServices(
      operation,
      first,
      uuid,
    );
    for (const service of items) await walk(operation, client, service);
    if (next !== undefined && next <= first) throw new Error("discovery goes backwards");
    first = next;
  }
}

type Work = (operation: Operation, client: GattClient) => Promise<unknown>;

const WORK: readonly Work[] = [
  (operation, client) => client.exchangeMtu(operation),
  (operation, client) => walkAll(operation, client),
  (operation, client) => walkAll(operation, client, new UUID(0x180f)),
  (operation, client) => walk(operation, client, new RemoteService(1, 0xffff, new UUID(0x180f))),
  (operation, client) => walk(operation, client, new RemoteService(1, 12, new UUID(0x180f))),
  (operation, client) => readValue(operation, client, VALUE),
  (operation, client) => readValues(operation, client, [VALUE, 7, 9], true),
  (operation, client) =>
    readFixedValues(operation, client, [
      { handle: VALUE, length: 2 },
      { handle: 7, length: 1 },
    ]),
  (operation) => readByUuid(operation, new UUID(0x2b2a)),
  (operation, client) => writeValue(operation, client, { handle: VALUE, value: counting(3) }),
  (operation, client) => writeReliably(operation, client, [{ handle: VALUE, value: counting(40) }]),
];

/** The packet as the peer sends it. */
function shape(packet: Uint8Array, request: number | undefined, random: SeededRandom): Uint8Array {
  const opcode = packet[0] ?? 0;
  if (VALUES.includes(opcode) || request === undefined || random.below(8) === 0) return packet;
  if (opcode === ERROR) return packet.length < 2 ? packet : concat([ERROR, request], packet.subarray(2));
  return concat([request + 1], packet.subarray(1));
}

async function run(packets: readonly Uint8Array[], random: SeededRandom): Promise<void> {
  const scene = setUp();
  const { budget, bearer, client, clients, clock, link } = scene;
  const inboxes = client.inboxesOf(VALUE);
  let request: number | undefined;
  let requests = 0;
  let running = 0;
  const failures: unknown[] = [];
  const begin = (): void => {
    running++;
    const operation = client.perform((self) => WORK[random.below(WORK.length)]!(self, client), {
      resolve: () => running--,
      reject(error) {
        running--;
        // Of an operation that nobody waits for.
        if (operation.isAbandoned) return;
        if (!(error instanceof BleError) || !CODES.includes(error.code)) failures.push(error);
      },
    });
    if (random.below(12) === 0) operation.abandon();
  };
  /** Looks at what the client sent. */
  const look = (): number => {
    let confirmations = 0;
    for (const { payload } of link.take()) {
      const opcode = payload[0]!;
      if (payload.length > bearer.mtu) throw new Error(`above the MTU: ${toHex(payload)}`);
      if (opcode === 0x1e) confirmations++;
      else if ((opcode & 1) === 0) {
        if (request !== undefined) throw new Error(`request ${opcode} while ${request} is unanswered`);
        request = opcode;
        if (++requests > REQUESTS_MAX) throw new Error("it asks without end");
      }
    }
    return confirmations;
  };
  for (const each of packets) {
    if (running === 0 || random.below(6) === 0) begin();
    await settle();
    look();
    const packet = shape(each, request, random);
    const opcode = packet[0];
    const isTooLong = packet.length > bearer.mtu;
    link.frame(ATT, packet);
    if (request !== undefined && answers(packet, request)) request = undefined;
    const confirmations = look();
    if (confirmations !== (opcode === 0x1d ? 1 : 0)) throw new Error(`${confirmations} confirmations`);
    if (
      isTooLong &&
      opcode !== undefined &&
      VALUES.includes(opcode) &&
      inboxes.notifications.size > INBOX_SIZE
    ) {
      throw new Error("a value above the MTU");
    }
    await settle();
    look();
    if (random.below(3) === 0) inboxes.notifications.take();
    checkBounds(scene);
    if (failures.length > 0) throw failures[0];
  }
  bearer.close();
  await settle();
  if (failures.length > 0) throw failures[0];
  if (running > 0) throw new Error(`${running} operations never end`);
  if (clock.pending > 0) throw new Error(`${clock.pending} timers stay`);
  if (budget.held > 0) throw new Error(`${budget.held} bytes stay accounted for`);
  if (clients.counters.knownAttributes > 0) throw new Error("attributes stay accounted for");
}

/** Whether this response ends the transaction of `request`. */
function answers(packet: Uint8Array, request: number): boolean {
  return packet[0] === request + 1 || (packet[0] === ERROR && packet[1] === request);
}

async function settle(): Promise<void> {
  for (let jobs = 0; jobs < 12; jobs++) await Promise.resolve();
}

function checkBounds({ bearer, budget, client, clients }: Scene): void {
  const { notifications, indications } = client.inboxesOf(VALUE);
  if (notifications.size > INBOX_SIZE || indications.size > INBOX_SIZE)
    throw new Error("too many values are kept");
  if (budget.held > budget.size) throw new Error(`${budget.held} bytes are kept`);
  if (clients.counters.knownAttributes > ATTRIBUTES_MAX + ONE_RESPONSE) throw new Error("too much is known");
  if (bearer.mtu < 23 || bearer.mtu > LIMIT) throw new Error(`MTU ${bearer.mtu}`);
}

/** Handles that rise, or almost. */
function* handles(random: SeededRandom): Generator<number> {
  for (let handle = 1 + random.below(4); ; handle += 1 + random.below(random.below(9) === 0 ? 300 : 3)) {
    yield handle;
  }
}

function list(random: SeededRandom, entry: (next: () => number[]) => readonly number[]): number[] {
  const source = handles(random);
  const next = (): number[] => le16(source.next().value as number);
  return Array.from({ length: random.below(5) }, () => entry(next)).flat();
}

function invent(random: SeededRandom): Uint8Array {
  const uuid = (): number[] =>
    random.below(3) === 0 ? [...random.bytes(16)] : le16([0x2803, 0x2902, 0x180f, 0x2a19][random.below(4)]!);
  if (random.below(5) === 0) {
    const opcode = VALUES[random.below(3)]!;
    const handle = le16(random.below(3) === 0 ? random.below(0x10000) : VALUE);
    if (opcode !== 0x23) return concat([opcode], handle, random.bytes(random.below(60)));
    const length = random.below(12);
    return concat([opcode], handle, le16(length), random.bytes(length));
  }
  if (random.below(6) === 0) return concat([ERROR, 0x0a], le16(VALUE), [1 + random.below(0x13)]);
  const opcode = RESPONSES[random.below(RESPONSES.length)]!;
  switch (random.below(7)) {
    case 0:
      return concat(
        [opcode, 6],
        list(random, (next) => [...next(), ...next(), ...le16(0x180f)]),
      );
    case 1:
      return concat(
        [opcode, 7],
        list(random, (next) => [...next(), 0xff, ...next(), ...le16(0x2a19)]),
      );
    case 2:
      return concat(
        [opcode, 21],
        list(random, (next) => [...next(), 0x12, ...next(), ...random.bytes(16)]),
      );
    case 3:
      return concat(
        [opcode, 1],
        list(random, (next) => [...next(), ...le16(random.below(2) ? 0x2902 : 0x2803)]),
      );
    case 4:
      return concat(
        [opcode, 8],
        list(random, (next) => [...next(), ...next(), ...next(), ...uuid().slice(0, 2)]),
      );
    case 5:
      return concat(
        [opcode],
        list(random, (next) => [...next(), ...next()]),
      );
    default:
      return concat([opcode], random.bytes(random.below(3) === 0 ? random.below(520) : random.below(24)));
  }
}

export const client: Target = {
  corpus: JSON.parse(readFileSync(new URL("./corpus/client.json", import.meta.url), "utf8")),
  invent,
  run,
};
