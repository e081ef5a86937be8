/**
 * A feed of values for whoever listens: temperature and humidity in the advertisement itself, refreshed in place once a
 * second. Nobody connects, so that any number of phones hear it.
 */
import { broadcast, type PayloadOptions } from "aioble";
import { UUID } from "bluetooth";
import { readHumidity, readTemperature } from "camera";

const ENVIRONMENTAL_SENSING = new UUID(0x181a);

/**
 * The payload: service data of a counter, by which a listener sees what it missed, and of degrees Celsius (sint16) and
 * percent (uint16) in hundredths, little-endian.
 */
function reading(count: number): PayloadOptions {
  const data = new Uint8Array(5);
  const view = new DataView(data.buffer);
  view.setUint8(0, count);
  view.setInt16(1, Math.round(readTemperature() * 100), true);
  view.setUint16(3, Math.round(readHumidity() * 100), true);
  return { name: "obscura-feed", serviceData: [[ENVIRONMENTAL_SENSING, data]] };
}

const feed = await broadcast({ intervalUs: 250_000, ...reading(0) });
console.log("broadcasting as obscura-feed");
for (let count = 1; ; count++) {
  await new Promise((resolve) => setTimeout(resolve, 1000));
  await feed.update(reading(count));
}
