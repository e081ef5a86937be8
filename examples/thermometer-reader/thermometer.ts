/** A clinical thermometer to try the reader with: measures three times, leaves, and sleeps for a while. */
import { advertise, Characteristic, registerServices, Service } from "aioble";
import { UUID } from "bluetooth";

const HEALTH_THERMOMETER = new UUID(0x1809);
const THERMOMETER = 0x0300;

const service = new Service(HEALTH_THERMOMETER);
const measurement = new Characteristic(service, new UUID(0x2a1c), { indicate: true });
registerServices(service);

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Degrees Celsius in hundredths, as an IEEE 11073 float: the mantissa, and -2 for the exponent. */
function measured(hundredths: number): Uint8Array {
  const value = new Uint8Array(5);
  new DataView(value.buffer).setInt32(1, (hundredths & 0xffffff) | (-2 << 24), true);
  return value;
}

let hundredths = 3650;
for (;;) {
  await using connection = await advertise({
    intervalUs: 100_000,
    name: "thermometer",
    services: [HEALTH_THERMOMETER],
    appearance: THERMOMETER,
  });
  const subscribed = new Promise<void>((resolve) => {
    measurement.onSubscribe = (_, { indicate }) => {
      if (indicate) resolve();
    };
  });
  await Promise.race([subscribed, connection.disconnected()]);
  for (let count = 0; count < 3 && connection.isConnected(); count++) {
    hundredths += 7;
    await measurement.indicate(connection, measured(hundredths));
    console.log("the reader has it");
    await sleep(500);
  }
  await connection.disconnect();
  await sleep(1000);
}
