/** Connection parameters that are wanted: their ranges and their units (Vol 4, Part E, 7.8.12 and 7.8.18). */

/** What a link may be like. */
export interface ParameterRange {
  /** Bounds of the connection interval: 7,500 to 4,000,000 microseconds, rounded down to 1,250. */
  readonly minIntervalUs: number;
  readonly maxIntervalUs: number;
  /** Connection events that the peripheral may skip: 0 to 499. */
  readonly latency: number;
  /** 100 to 32,000 milliseconds, rounded down to 10. */
  readonly supervisionTimeoutMs: number;
}

/** The same in the units of the air. */
export interface ParameterUnits {
  /** 1.25 ms. */
  readonly intervalMin: number;
  readonly intervalMax: number;
  readonly latency: number;
  /** 10 ms. */
  readonly timeout: number;
}

const INTERVAL_UNIT_US = 1250;
const TIMEOUT_UNIT_MS = 10;

/** In the units of the air. */
export function toUnits(range: ParameterRange): ParameterUnits {
  return {
    intervalMin: Math.floor(range.minIntervalUs / INTERVAL_UNIT_US),
    intervalMax: Math.floor(range.maxIntervalUs / INTERVAL_UNIT_US),
    latency: range.latency,
    timeout: Math.floor(range.supervisionTimeoutMs / TIMEOUT_UNIT_MS),
  };
}

/** In microseconds and milliseconds. */
export function fromUnits({ intervalMin, intervalMax, latency, timeout }: ParameterUnits): ParameterRange {
  return {
    minIntervalUs: intervalMin * INTERVAL_UNIT_US,
    maxIntervalUs: intervalMax * INTERVAL_UNIT_US,
    latency,
    supervisionTimeoutMs: timeout * TIMEOUT_UNIT_MS,
  };
}

/** @throws RangeError for the first figure that no controller takes (7.8.12). */
export function checkParameterRange(range: ParameterRange): void {
  const { latency, maxIntervalUs, minIntervalUs, supervisionTimeoutMs } = range;
  checkFigure("minConnIntervalUs", minIntervalUs, 7500, 4_000_000);
  checkFigure("maxConnIntervalUs", maxIntervalUs, 7500, 4_000_000);
  if (minIntervalUs > maxIntervalUs) {
    throw new RangeError(`minConnIntervalUs ${minIntervalUs} is above maxConnIntervalUs ${maxIntervalUs}`);
  }
  checkFigure("latency", latency, 0, 499);
  if (Math.floor(latency) !== latency) throw new RangeError(`latency ${latency} is not a whole number`);
  checkFigure("supervisionTimeoutMs", supervisionTimeoutMs, 100, 32_000);
  // Vol 4, Part E, 7.8.12: more than twice what a peripheral may sleep.
  const leastMs = ((1 + latency) * maxIntervalUs * 2) / 1000;
  if (supervisionTimeoutMs <= leastMs) {
    throw new RangeError(
      `supervisionTimeoutMs ${supervisionTimeoutMs} is too short: with this interval and latency it has to be above ${leastMs}`,
    );
  }
}

function checkFigure(name: string, value: number, min: number, max: number): void {
  if (!(value >= min && value <= max))
    throw new RangeError(`${name} ${value} is out of range: ${min} to ${max}`);
}
