/**
 * A sensor on a battery. It wakes, measures, offers what nobody has taken yet for a few seconds, switches its radio off and
 * sleeps; readings outlast the sleep. In the field the interval is a quarter of an hour or more, here it is ten seconds.
 */
import {
  advertise,
  Characteristic,
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
/** How long a client may take to read them and to say so. */
const TAKE_MS = 10_000;
/** Readings that are kept when nobody comes: the oldest go first. */
const READINGS_MAX = 200;

const READINGS = new UUID("8f1c0001-6d6a-4c55-9a0e-0b5c0a3e0001");
const TAKEN = new UUID("8f1c0002-6d6a-4c55-9a0e-0b5c0a3e0001");

const log = new Service(new UUID("8f1c0000-6d6a-4c55-9a0e-0b5c0a3e0001"));
/** Temperatures in hundredths of a degree Celsius, sint16, the oldest first. */
const readings = new Characteristic(log, READINGS, { read: true });
/** A client writes how many readings it has: they are let go. */
const taken = new Characteristic(log, TAKEN, { write: true, capture: true });
registerServices(log);

/** What outlasts the sleep: readings that wait, in hundredths of a degree. */
type State = { readonly waiting: readonly number[] };

function encoded(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(2 * values.length);
  const view = new DataView(bytes.buffer);
  for (const [at, value] of values.entries()) view.setInt16(2 * at, value, true);
  return bytes;
}

/** Offers the readings; returns how many were taken. */
async function offer(waiting: readonly number[], signal: AbortSignal): Promise<number> {
  readings.write(encoded(waiting));
  try {
    await using _connection = await advertise({
      intervalUs: 100_000,
      name: "obscura-battery",
      timeoutMs: OFFER_MS,
      signal,
    });
    const { data } = await taken.written({ timeoutMs: TAKE_MS, signal });
    return Math.min(data[0] ?? 0, waiting.length);
  } catch (error) {
    // Whatever became of the radio, the burst ends as one that nobody came to: the new reading is kept with the others.
    if (!(error instanceof TimeoutError || error instanceof DeviceDisconnectedError))
      console.error(`the readings cannot be offered: ${error}`);
    return 0;
  }
}

async function burst({ state, number, cause, signal }: Burst<State>): Promise<State> {
  const waiting = [...state.waiting, Math.round(readTemperature() * 100)].slice(-READINGS_MAX);
  console.log(`cycle ${number} (${cause}): ${waiting.length} readings wait`);
  const count = await offer(waiting, signal);
  console.log(count > 0 ? `${count} readings were taken` : "nobody came: they are kept");
  return { waiting: waiting.slice(count) };
}

await dutyCycle({ intervalMs: INTERVAL_MS, deadlineMs: 9000, state: { waiting: [] }, burst });
