/**
 * Sends a picture of 64 KB to another camera, over an L2CAP channel, and waits for its receipt. receiver.ts is the other
 * camera; `npm start -- camera-to-camera` shows both. When sending fails, be it that the other side refuses, it says why, and
 * tries again with the next camera that is heard, up to five times.
 */
import { BleError, type Device, scan } from "aioble";
import { FLAG_NOTIFY } from "bluetooth";
import { encodeHeader, hashOf, hex, PICTURES, PSM, RECEIPT, SDU } from "./picture.ts";

const LENGTH = 64 * 1024;
const ATTEMPTS = 5;
const PAUSE_MS = 2000;
/** 1 when the picture has arrived whole, and the hash of what came. */
const RECEIPT_LENGTH = 5;

/** Stands for what a sensor would give: rings around the middle of 256 by 256 points. */
function takePicture(): Uint8Array {
  const picture = new Uint8Array(LENGTH);
  for (let at = 0; at < LENGTH; at++) {
    const [x, y] = [(at & 0xff) - 128, (at >> 8) - 128];
    picture[at] = ((x * x + y * y) >> 4) & 0xff;
  }
  return picture;
}

/** Addresses of the cameras that have failed. */
const failed = new Set<string>();

/** A camera that has not failed; one that has, when there is no other. */
async function findReceiver(): Promise<Device | undefined> {
  console.log("looking for a camera that takes pictures");
  const options = { intervalUs: 60_000, windowUs: 60_000, services: [PICTURES] };
  let second: Device | undefined;
  for await (const { connectable, device } of scan({ ...options, durationMs: 10_000 })) {
    if (!connectable) continue;
    if (!failed.has(device.addrHex())) return device;
    second = device;
  }
  return second;
}

/** Returns what is wrong; undefined when the picture has arrived. */
async function send(receiver: Device, picture: Uint8Array): Promise<string | undefined> {
  // Short intervals, for what takes long otherwise.
  const interval = { minConnIntervalUs: 15_000, maxConnIntervalUs: 15_000 };
  await using connection = await receiver.connect({ ...interval, timeoutMs: 5000 });
  const service = await connection.service(PICTURES);
  const receipt = await service?.characteristic(RECEIPT);
  if (!receipt || (receipt.properties & FLAG_NOTIFY) === 0) return "this camera gives no receipts";
  await receipt.subscribe();
  await using channel = await connection.l2capConnect(PSM, { mtu: SDU });
  const hash = hashOf(picture);
  const startMs = Date.now();
  await channel.send(encodeHeader(picture.length, hash), { timeoutMs: 10_000 });
  await channel.send(picture, { timeoutMs: 60_000 });
  const answer = await receipt.notified({ timeoutMs: 30_000 });
  if (answer.length !== RECEIPT_LENGTH) return `a receipt of ${answer.length} bytes`;
  const seconds = (Date.now() - startMs) / 1000;
  const received = new DataView(answer.buffer, answer.byteOffset, answer.length).getUint32(1, true);
  if (answer[0] !== 1 || received !== hash) return `sent ${hex(hash)}, ${hex(received)} arrived`;
  console.log(
    `${picture.length} bytes with hash ${hex(hash)} have arrived, ${(picture.length / 1024 / seconds).toFixed(0)} KB/s`,
  );
  return undefined;
}

/** The same; what the other side does is a BleError, and anything else is a mistake of this program. */
async function trySend(receiver: Device, picture: Uint8Array): Promise<string | undefined> {
  try {
    return await send(receiver, picture);
  } catch (error) {
    if (error instanceof BleError) return error.message;
    throw error;
  }
}

async function sendToSomebody(picture: Uint8Array): Promise<boolean> {
  for (let attempt = 1; attempt <= ATTEMPTS; ) {
    const receiver = await findReceiver();
    if (!receiver) continue;
    const fault = await trySend(receiver, picture);
    if (fault === undefined) return true;
    console.log(`attempt ${attempt++} of ${ATTEMPTS} failed: ${fault}`);
    failed.add(receiver.addrHex());
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  return false;
}

if (!(await sendToSomebody(takePicture()))) console.error("the picture was not sent");
