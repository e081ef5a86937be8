/** The application that shows what a channel costs; peer.ts plays the device that opens it. */
import { advertise, config } from "aioble";
import {
  CHANNEL_CREDITS,
  CHANNEL_PSM,
  CHANNEL_REPETITIONS,
  CHANNEL_WARM_UP,
  type Measure,
  SDU_LENGTH,
} from "./script.ts";

/** What the probes added to the globals. */
const { measure } = globalThis as unknown as { readonly measure: Measure };

// A slow machine must not make the peer a silent one.
config({ idleTimeoutMs: 0 });
const connection = await advertise({ intervalUs: 100_000, name: "obscura-bench" });
const channel = await connection.l2capAccept(CHANNEL_PSM, { mtu: SDU_LENGTH, credits: CHANNEL_CREDITS });
const buffer = new Uint8Array(SDU_LENGTH);

for (let count = 0; count < CHANNEL_WARM_UP + CHANNEL_REPETITIONS; count++) {
  const length = await channel.recvinto(buffer);
  if (length !== SDU_LENGTH) throw new Error(`an SDU of ${length} bytes`);
  if (count === CHANNEL_WARM_UP - 1) measure.begin("channelReceivePerKB");
}
measure.end();

for (let count = 0; count < CHANNEL_WARM_UP + CHANNEL_REPETITIONS; count++) {
  await channel.recv();
  if (count === CHANNEL_WARM_UP) measure.begin("channelSendPerKB");
  measure.open();
  await channel.send(buffer);
}
measure.end();
await channel.disconnected();
measure.finish();
