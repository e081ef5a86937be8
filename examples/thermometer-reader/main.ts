/**
 * Reads a clinical thermometer (Health Thermometer Service): finds one, waits for the measurements that it indicates, which
 * the thermometer knows to have arrived, and prints them. thermometer.ts is one to try it with.
 */
import { type DeviceConnection, DeviceDisconnectedError, scan, TimeoutError } from "aioble";
import { UUID } from "bluetooth";

const HEALTH_THERMOMETER = new UUID(0x1809);
const MEASUREMENT = new UUID(0x2a1c);
const FLAG_FAHRENHEIT = 0x01;
/** Mantissa of an IEEE 11073 float that says that there is no number. */
const NOT_A_NUMBER = 0x7fffff;

/** A measurement in degrees Celsius; undefined when the thermometer has none. */
function celsius(value: Uint8Array): number | undefined {
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  // 24 bits of mantissa, 8 of a decimal exponent, both signed (IEEE 11073-20601).
  const bits = view.getInt32(1, true);
  const mantissa = (bits << 8) >> 8;
  if (mantissa === NOT_A_NUMBER) return undefined;
  const degrees = mantissa * 10 ** (bits >> 24);
  return (view.getUint8(0) & FLAG_FAHRENHEIT) === 0 ? degrees : ((degrees - 32) * 5) / 9;
}

async function listen(connection: DeviceConnection): Promise<void> {
  const service = await connection.service(HEALTH_THERMOMETER);
  const measurement = await service?.characteristic(MEASUREMENT);
  if (!measurement) throw new Error("this thermometer has no Temperature Measurement");
  await measurement.subscribe({ indicate: true });
  console.log("waiting for measurements");
  for (;;) {
    const degrees = celsius(await measurement.indicated());
    console.log(degrees === undefined ? "no measurement" : `${degrees.toFixed(2)} °C`);
  }
}

/** Connects to the first thermometer that is heard; a thermometer advertises only while it has something to say. */
async function readOne(): Promise<void> {
  console.log("looking for a thermometer");
  const options = { intervalUs: 60_000, windowUs: 30_000, services: [HEALTH_THERMOMETER] };
  for await (const { connectable, device } of scan(options)) {
    if (!connectable) continue;
    await using connection = await device.connect({ timeoutMs: 5000 });
    console.log(`connected to ${device.addrHex()}`);
    return await listen(connection);
  }
}

for (;;) {
  try {
    await readOne();
  } catch (error) {
    if (!(error instanceof DeviceDisconnectedError || error instanceof TimeoutError)) throw error;
    console.log(error.message);
  }
}
