/** A beacon to try the reader with. */
import { broadcast } from "aioble";

const APPLE = 0x004c;

const data = new Uint8Array(23);
data.set([0x02, 0x15]);
for (let at = 0; at < 16; at++) data[2 + at] = at * 0x11;
const view = new DataView(data.buffer);
view.setUint16(18, 7);
view.setUint16(20, 42);
/** dBm at one metre. */
view.setInt8(22, -59);

await broadcast({ intervalUs: 100_000, manufacturer: [APPLE, data] });
console.log("broadcasting");
