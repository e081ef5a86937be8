/**
 * A feed of values for whoever listens: temperature and humidity in the advertisement itself, refreshed in place once a
 * second, in the format of BTHome version 2 (https://bthome.io), which Home Assistant understands. Nobody connects, so
 * that any number of listeners hear it.
 */
import { broadcast, type PayloadOptions } from "aioble";
import { UUID } from "bluetooth";
import { readHumidity, readTemperature } from "camera";

const BTHOME = new UUID(0xfcd2);
/** Version 2, not encrypted, sent at regular intervals. */
const DEVICE_INFORMATION = 0x40;
const PACKET_ID = 0x00;
const TEMPERATURE = 0x02;
const HUMIDITY = 0x03;

/**
 * The payload: a counter, by which a listener sees what it missed; degrees Celsius (sint16) and percent (uint16) in
 * hundredths, little-endian. Each value follows its identifier, and identifiers rise.
 */
function reading(count: number): PayloadOptions {
  const data = new Uint8Array(9);
  const view = new DataView(data.buffer);
  view.setUint8(0, DEVICE_INFORMATION);
  view.setUint8(1, PACKET_ID);
  view.setUint8(2, count);
  view.setUint8(3, TEMPERATURE);
  view.setInt16(4, Math.round(readTemperature() * 100), true);
  view.setUint8(6, HUMIDITY);
  view.setUint16(7, Math.round(readHumidity() * 100), true);
  return { name: "obscura-feed", serviceData: [[BTHOME, data]] };
}

const feed = await broadcast({ intervalUs: 250_000, ...reading(0) });
console.log("broadcasting as obscura-feed");
for (let count = 1; ; count++) {
  await new Promise((resolve) => setTimeout(resolve, 1000));
  await feed.update(reading(count));
}
