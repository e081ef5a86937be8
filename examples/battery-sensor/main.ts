/**
 * A sensor on a battery. It wakes, measures, advertises for a few seconds, pushes what nobody has got yet to who subscribes, switches
 * its radio off and sleeps; readings outlast the sleep. In the field the interval is a quarter of an hour or more, here it is ten
 * seconds.
 */
import {
  advertise,
  Characteristic,
  type DeviceConnection,
  DeviceDisconnectedError,
  registerServices,
  Service,
  TimeoutError,
} from "aioble";
import { UUID } from "bluetooth";
import { readTemperature } from "camera";
import { type Burst, dutyCycle } from "power";

const INTERVAL_MS = 10_000;
/** How long it offers its readings to whoever comes by. */
const OFFER_MS = 4000;
/** How long a client may take to subscribe, and to confirm. */
const TAKE_MS = 10_000;
/** Readings that are kept when nobody comes: the oldest go first. */
const READINGS_MAX = 200;

const READINGS = new UUID("8f1c0001-6d6a-4c55-9a0e-0b5c0a3e0001");

const log = new Service(new UUID("8f1c0000-6d6a-4c55-9a0e-0b5c0a3e0001"));
/** Temperatures in hundredths of a degree Celsius, sint16, the oldest first. What a client has confirmed is let go. */
const readings = new Characteristic(log, READINGS, { indicate: true });
registerServices(log);

/** What outlasts the sleep: readings that wait, in hundredths of a degree. */
type State = { readonly waiting: readonly number[] };

function encoded(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(2 * values.length);
  const view = new DataView(bytes.buffer);
  for (const [at, value] of values.entries()) view.setInt16(2 * at, value, true);
  return bytes;
}

/** Waits for the client's subscription, or its end. */
async function subscription(connection: DeviceConnection, signal: AbortSignal): Promise<void> {
  const subscribed = new Promise<void>((resolve) => {
    readings.onSubscribe = (_, { indicate }) => {
      if (indicate) resolve();
    };
  });
  if (readings.subscribers.length > 0) return;
  await Promise.race([subscribed, connection.disconnected({ timeoutMs: TAKE_MS, signal })]);
}

/** Offers the readings; returns how many a client has confirmed. */
async function offer(waiting: readonly number[], signal: AbortSignal): Promise<number> {
  let count = 0;
  try {
    await using connection = await advertise({
      intervalUs: 100_000,
      name: "obscura-battery",
      timeoutMs: OFFER_MS,
      signal,
    });
    await subscription(connection, signal);
    while (count < waiting.length) {
      // An indication has three bytes of its own.
      const pushed = waiting.slice(count, count + Math.floor((connection.mtu - 3) / 2));
      if (!(await readings.indicate(connection, encoded(pushed), { timeoutMs: TAKE_MS, signal }))) break;
      count += pushed.length;
    }
  } catch (error) {
    // Whatever became of the radio, the burst ends: what nobody has confirmed is kept, the new reading with the others.
    if (!(error instanceof TimeoutError || error instanceof DeviceDisconnectedError))
      console.error(`the readings cannot be offered: ${error}`);
  }
  return count;
}

async function burst({ state, number, cause, signal }: Burst<State>): Promise<State> {
  const waiting = [...state.waiting, Math.round(readTemperature() * 100)].slice(-READINGS_MAX);
  console.log(`cycle ${number} (${cause}): ${waiting.length} readings wait`);
  const count = await offer(waiting, signal);
  console.log(count > 0 ? `${count} readings were taken` : "nobody came: they are kept");
  return { waiting: waiting.slice(count) };
}

await dutyCycle({ intervalMs: INTERVAL_MS, deadlineMs: 9000, state: { waiting: [] }, burst });
