/** Takes pictures from other cameras, over an L2CAP channel each, and gives a receipt by a notification. */
import {
  Characteristic,
  connections,
  type DeviceConnection,
  DeviceDisconnectedError,
  type L2CAPChannel,
  L2CAPDisconnectedError,
  registerServices,
  Service,
} from "aioble";
import { decodeHeader, hashOf, hex, PICTURES, PSM, RECEIPT, SDU } from "./picture.ts";

/** The longest picture that there is room for. */
const LENGTH_MAX = 256 * 1024;

const service = new Service(PICTURES);
const receipt = new Characteristic(service, RECEIPT, { notify: true });
registerServices(service);

/** One picture, and the hash that it is to have. */
async function receive(
  channel: L2CAPChannel,
): Promise<{ readonly picture: Uint8Array; readonly hash: number }> {
  const header = decodeHeader(await channel.recv());
  if (!header || header.length > LENGTH_MAX) throw new Error("this is no picture, or one that is too long");
  const picture = new Uint8Array(header.length);
  for (let at = 0; at < picture.length; )
    at += await channel.recvinto(picture.subarray(at), { timeoutMs: 10_000 });
  return { picture, hash: header.hash };
}

async function serve(connection: DeviceConnection): Promise<void> {
  for (;;) {
    await using channel = await connection.l2capAccept(PSM, { mtu: SDU });
    const { picture, hash } = await receive(channel);
    const received = hashOf(picture);
    const isWhole = received === hash;
    console.log(
      `a picture of ${picture.length} bytes: ${isWhole ? "whole" : "broken"}, hash ${hex(received)}`,
    );
    const answer = new Uint8Array(5);
    answer[0] = isWhole ? 1 : 0;
    new DataView(answer.buffer).setUint32(1, received, true);
    await receipt.notify(connection, answer);
    // The other side closes the channel when it has the receipt.
    await channel.disconnected({ timeoutMs: 10_000 });
  }
}

console.log("taking pictures");
for await (const connection of connections({ intervalUs: 100_000, name: "album", services: [PICTURES] })) {
  serve(connection).catch((error: unknown) => {
    const isEnd = error instanceof DeviceDisconnectedError || error instanceof L2CAPDisconnectedError;
    if (!isEnd) console.error(error);
    connection.disconnect().catch(() => {});
  });
}
