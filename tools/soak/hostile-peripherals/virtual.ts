/**
 * The soak of the camera as a central: hours of virtual time among peripherals that own every byte and every order, on Node.
 * What must hold: nothing but errors of the stack's reaches the application, what peers make the camera keep is bounded, the
 * honest ones are served, the heap is flat.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type Day, HostileDay } from "../../../host-tests/support/hostile-peripherals.ts";
import { type Operation, step, ToolError } from "../../events.ts";

const MINUTE_MS = 60_000;
/** Minutes after which everything has been made that stays. */
const WARM_UP_MINUTES = 5;
/** What the heap may have grown by at the end, in KiB: a collector's moods, far below what a leak of hours would show. */
const GROWTH_LIMIT_KIB = 2048;

export interface HostilePeripheralsOptions {
  /** An integer; the same seed repeats the same day. */
  readonly seed: number;
  /** Of virtual time. */
  readonly minutes: number;
  readonly signal: AbortSignal;
}

export interface HostilePeripheralsResult extends Day {
  readonly scenario: "hostile-peripherals";
  readonly seed: number;
  readonly minutes: number;
  readonly heapGrowthKiB: number;
}

/** Bytes of Node's heap without garbage. */
function heapUsed(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().heapUsed;
}

/** @throws ToolError when something does not hold; the signal's reason. */
export async function* hostilePeripherals({
  minutes,
  seed,
  signal,
}: HostilePeripheralsOptions): Operation<HostilePeripheralsResult> {
  const title = `Hostile peripherals, ${minutes} virtual minutes of seed ${seed}`;
  return yield* step("hostile-peripherals", title, async (progress) => {
    const world = new HostileDay(seed);
    let before: number | undefined;
    let day: Day;
    try {
      day = await world.run(minutes * MINUTE_MS, (minute) => {
        signal.throwIfAborted();
        if (minute === WARM_UP_MINUTES) before = heapUsed();
        progress(minute, minutes);
      });
      await world.stop();
    } catch (error) {
      signal.throwIfAborted();
      throw new ToolError(`Seed ${seed} failed: ${error instanceof Error ? error.stack : error}`);
    }
    const heapGrowthKiB = before === undefined ? 0 : Math.round((heapUsed() - before) / 1024);
    const result = { scenario: "hostile-peripherals", seed, minutes, ...day, heapGrowthKiB } as const;
    const finding = findingOf(result);
    if (finding) throw new ToolError(`Seed ${seed}: ${finding}`, JSON.stringify(result));
    return { value: result };
  });
}

/** What does not hold of a day that came to its end; undefined when everything does. */
export function findingOf(result: HostilePeripheralsResult): string | undefined {
  const { echoes, errors, heapGrowthKiB, minutes, notified, reads, sightings } = result;
  if (errors > 0) return `${errors} errors in the log`;
  if (reads < 11 * minutes || echoes !== reads)
    return `the honest peer served ${reads} reads and ${echoes} echoes`;
  if (notified < 58 * minutes) return `${notified} notifications of the honest peer arrived`;
  if (sightings < 500 * minutes) return `the honest beacon was seen ${sightings} times`;
  if (heapGrowthKiB > GROWTH_LIMIT_KIB) return `the heap has grown by ${heapGrowthKiB} KiB`;
  return undefined;
}
