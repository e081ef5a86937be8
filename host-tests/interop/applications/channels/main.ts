/** A camera that sends back what comes on a channel: on one that its peer opens, then on one that it opens itself. */
import { advertise, type L2CAPChannel, L2CAPConnectionError, L2CAPDisconnectedError } from "aioble";
import { CHANNELS_NAME, NOBODY_PSM, PEER_PSM, PSM } from "./names.ts";

const say = (line: string): void => console.log(`channels: ${line}`);

async function echo(channel: L2CAPChannel): Promise<void> {
  let count = 0;
  try {
    for (; ; count++) await channel.send(await channel.recv());
  } catch (error) {
    if (!(error instanceof L2CAPDisconnectedError)) throw error;
    say(`${count} SDUs sent back, ended by ${error.reason}`);
  }
}

for (;;) {
  await using connection = await advertise({ intervalUs: 100_000, name: CHANNELS_NAME });
  try {
    const accepted = await connection.l2capAccept(PSM, { mtu: 1000 });
    say(`accepted, the peer takes ${accepted.peerMtu}`);
    await echo(accepted);
    await connection.l2capConnect(NOBODY_PSM, { timeoutMs: 10_000 }).catch((error: unknown) => {
      if (!(error instanceof L2CAPConnectionError)) throw error;
      say(`refused with ${error.status}`);
    });
    // The first is an enhanced one; below 64 there are plain ones only.
    for (const mps of [247, 60]) {
      const opened = await connection.l2capConnect(PEER_PSM, { mtu: 500, mps, timeoutMs: 10_000 });
      say(`opened with an MPS of ${mps}, the peer takes ${opened.peerMtu}`);
      await echo(opened);
    }
  } catch (error) {
    say(String(error));
  }
  await connection.disconnected();
}
