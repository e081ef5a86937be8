/**
 * Sends a picture of 64 KB to another camera, over an L2CAP channel, and waits for its receipt. receiver.ts is the other
 * camera; `npm start -- camera-to-camera` shows both.
 */
import { type Device, scan } from "aioble";
import { encodeHeader, hashOf, hex, PICTURES, PSM, RECEIPT, SDU } from "./picture.ts";

const LENGTH = 64 * 1024;

/** Stands for what a sensor would give: rings around the middle of 256 by 256 points. */
function takePicture(): Uint8Array {
  const picture = new Uint8Array(LENGTH);
  for (let at = 0; at < LENGTH; at++) {
    const [x, y] = [(at & 0xff) - 128, (at >> 8) - 128];
    picture[at] = ((x * x + y * y) >> 4) & 0xff;
  }
  return picture;
}

async function findReceiver(): Promise<Device> {
  console.log("looking for a camera that takes pictures");
  for await (const { connectable, device } of scan({
    intervalUs: 60_000,
    windowUs: 60_000,
    services: [PICTURES],
  }))
    if (connectable) return device;
  throw new Error("the scan has ended");
}

async function send(picture: Uint8Array): Promise<void> {
  const receiver = await findReceiver();
  // Short intervals, for what takes long otherwise.
  await using connection = await receiver.connect({ minConnIntervalUs: 15_000, maxConnIntervalUs: 15_000 });
  const service = await connection.service(PICTURES);
  const receipt = await service?.characteristic(RECEIPT);
  if (!receipt) throw new Error("this camera gives no receipts");
  await receipt.subscribe();
  await using channel = await connection.l2capConnect(PSM, { mtu: SDU });
  const hash = hashOf(picture);
  const startMs = Date.now();
  await channel.send(encodeHeader(picture.length, hash));
  await channel.send(picture);
  const answer = await receipt.notified({ timeoutMs: 30_000 });
  const seconds = (Date.now() - startMs) / 1000;
  const received = new DataView(answer.buffer, answer.byteOffset).getUint32(1, true);
  if (answer[0] !== 1 || received !== hash) throw new Error(`sent ${hex(hash)}, ${hex(received)} arrived`);
  console.log(
    `${picture.length} bytes with hash ${hex(hash)} have arrived, ${(picture.length / 1024 / seconds).toFixed(0)} KB/s`,
  );
}

await send(takePicture());
