/** The central's side of multitests of aioble (micropython-lib, micropython/bluetooth/aioble/multitests). */
import { type ClientCharacteristic, GattError, security, TimeoutError } from "aioble";
import { UUID } from "bluetooth";
import { equal, receiveSdus, type Scenario, say, sendSdus, text } from "../multitests/kit.ts";
import { CHAR, CHAR2, CHAR3, NAME, PSM, SDU_LENGTH, SYNC } from "../multitests/names.ts";
import { connectAndFind, connectTo, PATIENT } from "./find.ts";

/** Long enough for the peripheral to say something, were it wrong. */
const SILENCE_MS = 300;
const INVALID_ATTRIBUTE_VALUE_LENGTH = 0x0d;
/** Each write is one that the peripheral answers. */
const answered = { ...PATIENT, response: true };
const rounds = [0, 1, 2, 3, 4];

const read = async (from: { read(options: object): Promise<Uint8Array> }): Promise<string> =>
  text(await from.read(PATIENT));

const notified = async (characteristic: ClientCharacteristic): Promise<string> =>
  text(await characteristic.notified(PATIENT));

async function silence(characteristic: ClientCharacteristic): Promise<void> {
  try {
    say(`heard ${text(await characteristic.notified({ timeoutMs: SILENCE_MS }))}`);
  } catch (error) {
    if (error instanceof TimeoutError) return;
    throw error;
  }
  throw new Error("a notification that nobody asked for");
}

async function characteristic(): Promise<void> {
  const [connection, own] = await connectAndFind();
  await own.subscribe({ notify: true, indicate: true, ...PATIENT });
  equal(await read(own), "periph0");
  await own.write("central0", answered);
  equal(await notified(own), "periph1");
  equal(await read(own), "periph1");
  await own.write("central1", answered);
  equal(await notified(own), "periph2");
  equal(await read(own), "central1");
  await own.write("central2", answered);
  equal(text(await own.indicated(PATIENT)), "periph3");
  equal(await read(own), "periph3");
  await connection.disconnect(PATIENT);
}

async function writeOrder(): Promise<void> {
  const [connection, first, second] = await connectAndFind(CHAR, CHAR2);
  for (const round of rounds) {
    await first.write(`c${round}`, answered);
    await second!.write(`c${round}`, answered);
  }
  for (const round of rounds) {
    await second!.write(`r${round}`, answered);
    await first.write(`r${round}`, answered);
  }
  await connection.disconnect(PATIENT);
}

async function writeCapture(): Promise<void> {
  const [connection, plain, captured] = await connectAndFind(CHAR, CHAR2);
  for (const target of [plain, captured!]) {
    for (const round of rounds) await target.write(`central${round}`, answered);
  }
  await connection.disconnected(PATIENT);
  equal(connection.disconnectReason, 0x13);
}

async function bufferedCharacteristic(): Promise<void> {
  const [connection, small, wide, added] = await connectAndFind(CHAR, CHAR2, CHAR3);
  let status = 0;
  try {
    await small.write(`central1-${"a".repeat(29)}`, answered);
  } catch (error) {
    if (!(error instanceof GattError)) throw error;
    status = error.status;
  }
  equal(status, INVALID_ATTRIBUTE_VALUE_LENGTH);
  await small.write("central1-bbbbbbbbbbb", answered);
  for (const [index, letter] of ["a", "b", "c", "d"].entries()) {
    if (index === 2) equal(await connection.exchangeMtu({ mtu: 100, ...PATIENT }), 100);
    await wide!.write(`central2-${letter.repeat(29)}`, answered);
    await new Promise((resolve) => setTimeout(resolve, SILENCE_MS));
  }
  await added!.write(`central3-${"a".repeat(29)}`, answered);
  await added!.write(`central3-${"b".repeat(29)}`, answered);
  await connection.disconnect(PATIENT);
}

async function notify(): Promise<void> {
  const [connection, own, sync] = await connectAndFind(CHAR, SYNC);
  const goOn = (): Promise<void> => sync!.write("", answered);
  await goOn();
  await silence(own);
  await own.subscribe({ notify: true, ...PATIENT });
  await goOn();
  equal(await notified(own), "after-subscribe");
  await own.subscribe({ notify: false, ...PATIENT });
  await goOn();
  await silence(own);
  await own.subscribe({ notify: true, ...PATIENT });
  for (const round of rounds) {
    await goOn();
    for (const count of round === 2 ? [0, 1, 2] : [0]) equal(await notified(own), `direct-${round}-${count}`);
  }
  await silence(own);
  await connection.disconnect(PATIENT);
}

async function descriptor(): Promise<void> {
  const [connection, own] = await connectAndFind();
  equal(await read(own), "periph0");
  const readable = await own.descriptor(new UUID(CHAR2), PATIENT);
  const both = await own.descriptor(new UUID(CHAR3), PATIENT);
  equal(await read(readable!), "desc_periph0");
  equal(await read(both!), "desc_periph1");
  await own.write("central0", answered);
  await both!.write("desc_central0", answered);
  equal(await read(both!), "desc_central0");
  await connection.disconnect(PATIENT);
}

async function shutdown(): Promise<void> {
  for (const round of [0, 1, 2]) {
    const [connection, own, sync] = await connectAndFind(CHAR, SYNC);
    equal(await read(own), `periph${round}`);
    await sync!.write("", answered);
    if (round < 2) await connection.disconnect(PATIENT);
    else await connection.disconnected(PATIENT);
    equal(connection.disconnectReason, round < 2 ? 0x16 : 0x15);
  }
}

async function reregister(): Promise<void> {
  for (const round of [0, 1, 2]) {
    const [connection, own, written] = await connectAndFind(CHAR, CHAR2);
    equal(await read(own), "hello");
    equal(await read(written!), `periph${round}`);
    await written!.write(`central${round}`, answered);
    await connection.disconnect(PATIENT);
  }
}

async function perfL2cap(): Promise<void> {
  const connection = await connectTo(NAME);
  const channel = await connection.l2capConnect(PSM, { mtu: SDU_LENGTH, ...PATIENT });
  await sendSdus(channel);
  await receiveSdus(channel);
  await channel.disconnect(PATIENT);
  await connection.disconnect(PATIENT);
}

async function bond(): Promise<void> {
  const [connection, own] = await connectAndFind();
  await connection.pair({ bond: true, leSecure: true, mitm: false, ...PATIENT });
  equal([connection.encrypted, connection.authenticated, connection.bonded].join(), "true,false,true");
  equal(await read(own), "bonded_data");
  await connection.disconnect(PATIENT);
  equal(security.bonds.size, 1);
}

/** By "aioble" and the name of the original. */
export const aiobleCentrals = {
  "aioble ble_characteristic": characteristic,
  "aioble ble_write_order": writeOrder,
  "aioble ble_write_capture": writeCapture,
  "aioble ble_buffered_characteristic": bufferedCharacteristic,
  "aioble ble_notify": notify,
  "aioble ble_descriptor": descriptor,
  "aioble ble_shutdown": shutdown,
  "aioble ble_reregister": reregister,
  "aioble perf_l2cap": perfL2cap,
  "aioble ble_bond": bond,
} satisfies Readonly<Record<string, Scenario>>;
