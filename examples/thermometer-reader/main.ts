/**
 * Reads a clinical thermometer (Health Thermometer Service): finds one, waits for the measurements that it indicates, which
 * the thermometer knows to have arrived, and prints them. thermometer.ts is one to try it with. Anybody can advertise the
 * service: a device that breaks its rules, or refuses, costs its own link, and is left alone for a while.
 */
import { BleError, type ClientCharacteristic, type Device, type DeviceConnection, scan } from "aioble";
import { FLAG_INDICATE, UUID } from "bluetooth";

const HEALTH_THERMOMETER = new UUID(0x1809);
const MEASUREMENT = new UUID(0x2a1c);
const FLAG_FAHRENHEIT = 0x01;
/** Flags and a float; what may follow them is not read here. */
const LENGTH_MIN = 5;
/** Mantissa of an IEEE 11073 float that says that there is no number. */
const NOT_A_NUMBER = 0x7fffff;

/** A thermometer that says nothing for so long is of no use. */
const SILENCE_MS = 60_000;
/** How long a device that was of no use is left alone, and how many such are remembered. */
const IGNORE_MS = 30_000;
const IGNORED_MAX = 16;

/** A measurement in degrees Celsius, in words; undefined when it is too short. */
function describe(value: Uint8Array): string | undefined {
  if (value.length < LENGTH_MIN) return undefined;
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  // 24 bits of mantissa, 8 of a decimal exponent, both signed (IEEE 11073-20601).
  const bits = view.getInt32(1, true);
  const mantissa = (bits << 8) >> 8;
  if (mantissa === NOT_A_NUMBER) return "no measurement";
  const degrees = mantissa * 10 ** (bits >> 24);
  const isCelsius = (view.getUint8(0) & FLAG_FAHRENHEIT) === 0;
  return `${(isCelsius ? degrees : ((degrees - 32) * 5) / 9).toFixed(2)} °C`;
}

/** Devices that were of no use, by their addresses, and when they may be tried again. */
const ignored = new Map<string, number>();

function ignore(device: Device): void {
  const [oldest] = ignored.keys();
  // Somebody who means ill has any number of addresses.
  if (oldest !== undefined && ignored.size >= IGNORED_MAX) ignored.delete(oldest);
  ignored.set(device.addrHex(), Date.now() + IGNORE_MS);
}

/** A thermometer that is heard; undefined when there is none for ten seconds. It advertises only while it has something to say. */
async function findThermometer(): Promise<Device | undefined> {
  const options = { intervalUs: 60_000, windowUs: 30_000, services: [HEALTH_THERMOMETER] };
  for await (const { connectable, device } of scan({ ...options, durationMs: 10_000 })) {
    const isIgnored = (ignored.get(device.addrHex()) ?? 0) > Date.now();
    if (connectable && !isIgnored) return device;
  }
  return undefined;
}

/** Subscribes to a thermometer's measurements; undefined when it has none. */
async function subscribe(connection: DeviceConnection): Promise<ClientCharacteristic | undefined> {
  const service = await connection.service(HEALTH_THERMOMETER);
  const measurement = await service?.characteristic(MEASUREMENT);
  if (!measurement || (measurement.properties & FLAG_INDICATE) === 0) return undefined;
  await measurement.subscribe({ indicate: true });
  console.log("waiting for measurements");
  return measurement;
}

/** Connects to a thermometer and prints what it measures, for as long as it is there. */
async function listen(device: Device): Promise<void> {
  let words: string | undefined;
  try {
    await using connection = await device.connect({ timeoutMs: 5000 });
    console.log(`connected to ${device.addrHex()}`);
    const measurement = await subscribe(connection);
    while (measurement) {
      words = describe(await measurement.indicated({ timeoutMs: SILENCE_MS }));
      if (words === undefined) break;
      console.log(words);
    }
    console.log("the thermometer is left: it sends no Temperature Measurement");
  } catch (error) {
    // Whatever a device does is a BleError; anything else is a mistake of this program.
    if (!(error instanceof BleError)) throw error;
    console.log(error.message);
  }
  if (words === undefined) ignore(device);
}

console.log("looking for a thermometer");
for (;;) {
  const thermometer = await findThermometer();
  if (thermometer) await listen(thermometer);
}
