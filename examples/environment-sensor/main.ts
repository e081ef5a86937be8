/**
 * An environmental sensor: temperature and humidity for any phone nearby (Environmental Sensing Service).
 * Advertises, streams to the client once a second while it is connected, and advertises again.
 */
import { advertise, Characteristic, Descriptor, registerServices, Service } from "aioble";
import { UUID } from "bluetooth";
import { readHumidity, readTemperature } from "camera";

const ENVIRONMENTAL_SENSING = new UUID(0x181a);
const TEMPERATURE = new UUID(0x2a6e);
const HUMIDITY = new UUID(0x2a6f);
/** ES Trigger Setting: when a value is notified. The service makes it mandatory for each that is. */
const TRIGGER_SETTING = new UUID(0x290d);
const GENERIC_SENSOR = 0x0540;
/** The company identifier for tests and internal use (Assigned Numbers, 7.1). */
const TEST_COMPANY = 0xffff;
/** Seconds from one value to the next. */
const PERIOD_S = 1;

/** Little-endian 16 bits in hundredths: sint16 degrees Celsius for 0x2A6E, uint16 percent for 0x2A6F. */
function hundredths(value: number): Uint8Array {
  const bytes = new Uint8Array(2);
  new DataView(bytes.buffer).setInt16(0, Math.round(value * 100), true);
  return bytes;
}

/** An ES Trigger Setting: condition 1 is a fixed interval, in 24 bits of seconds. */
function everySeconds(seconds: number): Uint8Array {
  return new Uint8Array([1, seconds & 0xff, (seconds >> 8) & 0xff, seconds >> 16]);
}

const environment = new Service(ENVIRONMENTAL_SENSING);
const temperature = new Characteristic(environment, TEMPERATURE, {
  read: true,
  notify: true,
  initial: hundredths(readTemperature()),
});
const humidity = new Characteristic(environment, HUMIDITY, {
  read: true,
  notify: true,
  initial: hundredths(readHumidity()),
});
for (const characteristic of [temperature, humidity]) {
  new Descriptor(characteristic, TRIGGER_SETTING, { read: true, initial: everySeconds(PERIOD_S) });
}
registerServices(environment);

function update(): void {
  temperature.write(hundredths(readTemperature()), { sendUpdate: true });
  humidity.write(hundredths(readHumidity()), { sendUpdate: true });
}

async function serveOne(): Promise<void> {
  console.log("advertising as obscura-env");
  await using connection = await advertise({
    intervalUs: 250_000,
    name: "obscura-env",
    services: [ENVIRONMENTAL_SENSING],
    appearance: GENERIC_SENSOR,
    manufacturer: [TEST_COMPANY, new Uint8Array([0x4f, 0x62, 0x73, 0x63, 0x75, 0x72, 0x61, 0x01])],
  });
  console.log(`connected: ${connection.device.addrHex()}`);
  update();
  const stream = setInterval(update, PERIOD_S * 1000);
  await connection.disconnected();
  clearInterval(stream);
  console.log("disconnected");
}

for (;;) await serveOne();
