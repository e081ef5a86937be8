/** What a board draws, as a JSON file says it: a figure each with the place that it was read in. */
import { START_BAUD } from "../chips/cyw43.ts";

/** A figure of a profile. Its unit is in its name. */
export interface Figure {
  readonly value: number;
  /** Where it was read, or what it was estimated from. */
  readonly source: string;
  /** Nobody has published it: reports say so. */
  readonly estimate?: boolean;
}

/** The figures that a profile has, and what each means. */
export const FIGURES = {
  batteryMilliampHours: "capacity of the battery",
  usableShare: "share of it that the camera gets before its voltage is too low, 0 to 1",
  selfDischargePerMonth: "share that the battery loses by itself in thirty days, 0 to 1",
  runMilliamps: "the whole board while the processor computes, the radio off",
  idleMilliamps: "the whole board while the processor waits with its clocks on (WFI), the radio off",
  lightSleepMilliamps: "the whole board with clocks stopped and memory kept, the radio off",
  deepSleepMilliamps: "the whole board in deep sleep, the radio off",
  instructionsPerMs: "instructions of the processor in a millisecond",
  bootMs: "from reset to the firmware's first instruction: the loader, and what checks an image",
  patchRecords: "records of the controller's patch, the launch included",
  patchBytes: "bytes of that patch",
  downloadBaud: "rate of the UART while the patch is downloaded, in baud",
  runBaud: "rate of the UART from then on, in baud",
  radioAwakeMilliamps: "the controller awake with nothing on the air, its start included; comes on top",
  radioSleepMilliamps: "the controller asleep between events; comes on top",
  scanMilliamps: "the controller with its receiver on; comes on top",
  connectableEventMillicoulombs: "one advertising event on three channels, listening for an answer",
  nonconnectableEventMillicoulombs: "one advertising event on three channels, without",
  connectionEventMillicoulombs: "one connection event without data",
  dataByteMicrocoulombs: "a byte of payload in a connection event, either way",
  flashProgramMicrocoulombsPerByte: "programming",
  flashEraseMillicoulombsPerKilobyte: "erasing",
  sensorReadingMillicoulombs: "one reading of temperature or humidity",
} as const;

export type FigureName = keyof typeof FIGURES;

/** What values a figure takes, both ends included; any number from 0 on where nothing is said. */
export const RANGES: Readonly<Partial<Record<FigureName, readonly [least: number, most: number]>>> = {
  batteryMilliampHours: [1, 1_000_000],
  usableShare: [0, 1],
  selfDischargePerMonth: [0, 1],
  instructionsPerMs: [1, 100_000_000],
  bootMs: [0, 60_000],
};

/** One board. */
export interface Profile {
  readonly name: string;
  /** One line for people. */
  readonly title: string;
  readonly figures: Readonly<Record<FigureName, Figure>>;
}

/**
 * A profile from the content of its file.
 * @param name what reports call it; no message does
 * @throws Error with the name of the figure that is missing, unknown or wrong.
 */
export function readProfile(name: string, json: unknown): Profile {
  const { title, figures } = (json ?? {}) as { title?: unknown; figures?: unknown };
  if (typeof title !== "string" || typeof figures !== "object" || figures === null) {
    throw new Error(`a profile has "title", a string, and "figures", an object`);
  }
  for (const key of Object.keys(figures)) {
    if (!(key in FIGURES))
      throw new Error(`unknown key "${key}"; keys are ${Object.keys(FIGURES).join(", ")}`);
  }
  for (const key of Object.keys(FIGURES)) {
    const figure = (figures as Record<string, Partial<Figure> | undefined>)[key];
    if (!figure) throw new Error(`the figure "${key}" is missing: ${FIGURES[key as FigureName]}`);
    const { value, source, estimate } = figure;
    checkValue(key as FigureName, value);
    if (typeof source !== "string" || source === "") {
      throw new Error(`"${key}.source" says where the figure was read`);
    }
    if (estimate !== undefined && typeof estimate !== "boolean")
      throw new Error(`"${key}.estimate" is ${JSON.stringify(estimate)} and must be true or false`);
  }
  const profile = { name, title, figures: figures as Profile["figures"] };
  checkPatchFigures(profile);
  return profile;
}

function checkValue(key: FigureName, value: unknown): void {
  const [least, most] = RANGES[key] ?? [0, Number.MAX_VALUE];
  if (typeof value === "number" && value >= least && value <= most) return;
  const range = most === Number.MAX_VALUE ? "a number from 0 on" : `a number from ${least} to ${most}`;
  throw new Error(`"${key}.value" is ${JSON.stringify(value)} and must be ${range}`);
}

/** What UARTs of the family make at most, as boards/schema.json has it. */
const BAUD_MAX = 4_000_000;

/** A record's opcode, length and address, and the most that one holds beside them. */
const RECORD_HEADER = 7;
const RECORD_DATA_MAX = 251;

function checkPatchFigures({ figures }: Profile): void {
  const { downloadBaud, patchBytes, patchRecords, runBaud } = figures;
  const records = patchRecords.value;
  if (!Number.isInteger(records) || records < 2)
    throw new Error(`"patchRecords.value" is ${records} and must be a whole number from 2 on`);
  const least = records * RECORD_HEADER + records - 1;
  const most = records * RECORD_HEADER + (records - 1) * RECORD_DATA_MAX;
  const bytes = patchBytes.value;
  if (!Number.isInteger(bytes) || bytes < least || bytes > most)
    throw new Error(`"patchBytes.value" is ${bytes}; ${records} records have ${least} to ${most} bytes`);
  for (const [name, { value }] of Object.entries({ downloadBaud, runBaud })) {
    if (Number.isInteger(value) && value >= START_BAUD && value <= BAUD_MAX) continue;
    throw new Error(
      `"${name}.value" is ${value} and must be a whole number from ${START_BAUD}, at which the chip starts, to ${BAUD_MAX}`,
    );
  }
}
