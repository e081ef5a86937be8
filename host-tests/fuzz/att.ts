/** ATT requests, commands and answers against a server whose handlers answer, refuse, throw and promise. */
import { readFileSync } from "node:fs";
import { AttBearer } from "../../firmware/ble/att/bearer.ts";
import { PREPARED_BYTES_MAX, PREPARED_COUNT_MAX } from "../../firmware/ble/gatt/server/prepared-writes.ts";
import { GattServer } from "../../firmware/ble/gatt/server/server.ts";
import { PROPERTY } from "../../firmware/ble/gatt/types.ts";
import { VirtualClock } from "../../simulator/clock.ts";
import { simulatedCrypto } from "../../simulator/crypto.ts";
import type { SeededRandom } from "../../simulator/random.ts";
import { isAllowedError } from "../support/att.ts";
import { concat, counting, le16, toHex } from "../support/bytes.ts";
import { ALL, service } from "../support/gatt.ts";
import type { Target } from "./fuzzer.ts";
import { FuzzLink, LIMIT } from "./link.ts";

const ATT = 0x0004;
const OPCODES = [0x02, 0x04, 0x06, 0x08, 0x0a, 0x0c, 0x0e, 0x10, 0x12, 0x16, 0x18, 0x1e, 0x20, 0x52, 0xd2];
const TYPES = [0x2800, 0x2801, 0x2802, 0x2803, 0x2902, 0x2a6e, 0x2b2a, 0x2a00];
/** What the server says of itself. */
const UNASKED = [0x1b, 0x1d, 0x23];

const fails = (): never => {
  throw new Error("application bug");
};

const DATABASE = [
  service(
    {},
    { properties: PROPERTY.READ },
    { maxLength: 512, value: counting(300) },
    { append: true, maxLength: 40 },
    { properties: ALL, hooks: { onRead: () => 0x80, onWrite: () => 0xfc } },
    { properties: ALL, hooks: { onRead: fails, onWrite: fails, onWritten: fails, onSubscribe: fails } },
  ),
  service({
    hooks: { onRead: async () => counting(90), onWrite: async (_, value) => (value.length & 1 ? 0x80 : 0) },
  }),
];

interface Scene {
  readonly link: FuzzLink;
  readonly server: GattServer;
  readonly bearer: AttBearer;
  readonly client: ReturnType<GattServer["open"]>;
  readonly clock: VirtualClock;
}

function setUp(): Scene {
  const clock = new VirtualClock();
  const log = (): void => {};
  const server = new GattServer({ clock, aesCmac: simulatedCrypto.aesCmac, log });
  server.register(DATABASE);
  const link = new FuzzLink();
  const bearer = new AttBearer(link.l2cap.openFixed(ATT, LIMIT), {
    link: 0x40,
    clock,
    preferredMtu: LIMIT,
    log,
    settings: { logLevel: 0 },
    onMtu: () => {},
    onTimeout: () => {},
  });
  const client = server.open(bearer, link);
  return { link, server, bearer, client, clock };
}

/** Until every handler has answered; each takes a few promise jobs. */
async function answered(scene: Scene): Promise<void> {
  for (let jobs = 0; scene.client.busy; jobs++) {
    if (jobs > 5000) throw new Error("a request is never answered");
    await Promise.resolve();
  }
  for (let jobs = 0; jobs < 4; jobs++) await Promise.resolve();
}

function check(scene: Scene, pdu: Uint8Array, mtuBefore: number): void {
  const replies = scene.link.take().filter(({ payload }) => !UNASKED.includes(payload[0]!));
  const opcode = pdu[0] ?? 0x01;
  const isRequest = (opcode & 0x40) === 0 && opcode !== 0x1e && ((opcode & 1) === 0 || opcode > 0x23);
  const expected = pdu.length > 0 && (isRequest || opcode === 0x1d) ? 1 : 0;
  if (replies.length !== expected) {
    throw new Error(`${replies.length} replies to ${toHex(pdu)} instead of ${expected}`);
  }
  for (const { payload, channel } of replies) {
    const text = `${toHex(payload)} to ${toHex(pdu)}`;
    if (channel !== ATT) throw new Error(`channel ${channel}`);
    if (payload.length > mtuBefore) throw new Error(`above the MTU: ${text}`);
    if (payload[0] !== 0x01) {
      if (payload[0] !== opcode + 1) throw new Error(`wrong response: ${text}`);
    } else {
      const tooLong = pdu.length > mtuBefore && payload[4] === 0x04;
      if (payload.length === 5 && payload[1] === opcode && (tooLong || isAllowedError(opcode, payload[4]!)))
        continue;
      throw new Error(`not an allowed error: ${text}`);
    }
  }
}

/** What the server keeps for a client has bounds, whatever the client sends. */
function checkBounds(scene: Scene): void {
  const { client, server, bearer } = scene;
  const queue = client.preparedWrites as unknown as { parts: { bytes: Uint8Array }[] };
  const bytes = queue.parts.reduce((sum, part) => sum + part.bytes.length, 0);
  if (queue.parts.length > PREPARED_COUNT_MAX || bytes > PREPARED_BYTES_MAX)
    throw new Error("prepared too much");
  if ((client.snapshot?.value.length ?? 0) > 512) throw new Error("a snapshot above 512 bytes");
  if (client.session.configurations.size > 16 || client.indications.length > 16)
    throw new Error("too much is kept");
  if (bearer.mtu < 23 || bearer.mtu > LIMIT) throw new Error(`MTU ${bearer.mtu}`);
  if (scene.link.link.queued > 0) throw new Error("something stays queued");
  for (let handle = 14; server.at(handle); handle++) {
    const attribute = server.at(handle)!;
    if (attribute.maxLength > 0 && attribute.value.length > attribute.maxLength) {
      throw new Error(`the value at ${handle} has ${attribute.value.length} bytes`);
    }
  }
}

async function run(packets: readonly Uint8Array[], random: SeededRandom): Promise<void> {
  const scene = setUp();
  const { link, server, bearer, clock } = scene;
  for (const pdu of packets) {
    const mtuBefore = bearer.mtu;
    link.frame(ATT, pdu);
    await answered(scene);
    if (pdu.length > LIMIT) link.take();
    else check(scene, pdu, mtuBefore);
    if (random.below(4) === 0) {
      const attribute = server.at(random.below(48));
      if (attribute) server.updates.notifySubscribers(attribute);
    }
    if (random.below(40) === 0) server.register(random.below(2) === 0 ? DATABASE : []);
    for (const { payload } of link.take()) {
      if (!UNASKED.includes(payload[0]!) || payload.length > bearer.mtu) throw new Error("a bad update");
    }
    checkBounds(scene);
  }
  server.close(scene.client);
  bearer.close();
  if (clock.pending > 0) throw new Error(`${clock.pending} timers stay`);
  if (server.clientCount > 0 || scene.client.indications.length > 0) throw new Error("the client stays");
}

function invent(random: SeededRandom): Uint8Array {
  const opcode = OPCODES[random.below(OPCODES.length)]!;
  const handle = () => le16(random.below(20) === 0 ? random.below(0x10000) : random.below(46));
  const tail = () => random.bytes(random.below(4) === 0 ? random.below(520) : random.below(20));
  switch (opcode) {
    case 0x02:
      return concat([opcode], le16(random.below(600)));
    case 0x04:
      return concat([opcode], handle(), le16(0xffff));
    case 0x06:
      return concat([opcode], handle(), handle(), le16(TYPES[random.below(TYPES.length)]!), tail());
    case 0x08:
    case 0x10:
      return concat([opcode], handle(), le16(0xffff), le16(TYPES[random.below(TYPES.length)]!));
    case 0x0a:
      return concat([opcode], handle());
    case 0x0c:
      return concat([opcode], handle(), le16(random.below(310)));
    case 0x0e:
    case 0x20:
      return concat([opcode], ...Array.from({ length: 2 + random.below(6) }, handle));
    case 0x16:
      return concat([opcode], handle(), le16(random.below(30)), tail());
    case 0x18:
      return Uint8Array.from([opcode, random.below(2)]);
    case 0x1e:
      return Uint8Array.from([opcode]);
    default:
      return concat([opcode], handle(), random.below(2) === 0 ? le16(random.below(4)) : tail());
  }
}

export const att: Target = {
  corpus: JSON.parse(readFileSync(new URL("./corpus/att.json", import.meta.url), "utf8")),
  invent,
  run,
};
