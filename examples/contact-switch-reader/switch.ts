/** A contact switch to try the reader with: its door opens and closes every three seconds. */
import { broadcast } from "aioble";
import { UUID } from "bluetooth";

const BTHOME = new UUID(0xfcd2);

/** Sent when something happens (bit 2), version 2; packet, battery in percent, door. */
const payload = (packet: number, isOpen: boolean) => ({
  name: "front door",
  serviceData: [[BTHOME, new Uint8Array([0x44, 0x00, packet, 0x01, 93, 0x1a, isOpen ? 1 : 0])] as const],
});

const broadcaster = await broadcast({ intervalUs: 100_000, ...payload(0, false) });
for (let packet = 1; ; packet++) {
  await new Promise((resolve) => setTimeout(resolve, 3000));
  await broadcaster.update(payload(packet & 0xff, packet % 2 === 1));
}
