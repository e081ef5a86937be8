/** The figures of the benchmark, and how they compare with the baseline. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ToolError } from "../events.ts";
import { displayPath, root } from "../paths.ts";

/** Figures of one board, by name: whole numbers, less is better, and what is only reported. */
export type BoardFigures = Readonly<Record<string, number | string>>;

/** Figures by board. docs of each: `describeFigure`. */
export type Figures = Readonly<Record<string, BoardFigures>>;

/** By how much a figure may rise above the baseline. */
export const TOLERANCE = 0.05;

/** What is measured, for a person. */
export const descriptions: Readonly<Record<string, string>> = {
  bootToAdvertising:
    "instructions from reset to the last byte of the first Advertising Enable in the UART queue, without verifyAtStart",
  verifyAtStart:
    "instructions of the preloaded machine's checksum and the example's signature, at every start",
  verifyBundle: "instructions of verifying a bundle of 200 KB signed with Ed25519",
  verifyStep: "the most of them that one step takes when an upload is verified beside other work",
  coldStart:
    "instructions from a wake by the timer to the last byte of the first Advertising Enable, of the same example behind a duty cycle, with a CYW43 chip that is brought up from cold with a patch of 35,182 bytes, its waits and the model's lines left out",
  coldStartBeyondBoot: "coldStart without bootToAdvertising, which is from reset; reported only",
  wakeCycle:
    "instructions from a wake with such a chip to deep sleep, with half a second on the air and no client",
  coldStartMs:
    "milliseconds of virtual time from a wake with such a chip to the first advertising event, of the stack and the driver alone: without the processor's time, and without an application",
  notification: "instructions from notify() of 20 bytes to the last byte in the UART queue",
  notificationCycle: "instructions awake for one of a thousand notifications, with everything around it",
  notificationTo3:
    "instructions from write() with sendUpdate to the last byte of the third of three subscribers' notifications",
  write: "instructions from a write of 20 bytes in the receive queue to the application resumed",
  capturedWrite: "the same of a characteristic with capture, to connection and data",
  writeCycle:
    "instructions awake from one of a thousand writes, taken by writes(), to the next, with everything around it",
  channelReceivePerKB:
    "instructions of an SDU of 1,024 bytes in five packets, from each whole in the receive queue until the camera sleeps again",
  channelSendPerKB:
    "instructions from send() of 1,024 bytes to the last byte of the fifth packet in the UART queue",
  discovery8x40:
    "instructions awake from services() to the last of 8 services, their 40 characteristics and a CCCD of each, ATT_MTU 247",
  discovery8x40RoundTrips: "requests that it takes",
  scanReport:
    "instructions from the report of one of 1,000 different advertisers in the receive queue to the loop over scan() resumed",
  scanRamBytes:
    "bytes of the heap that a scan holds after those and after 1,000 more with scan responses, whichever is more",
  resolveAddress:
    "instructions of holding a private address of nobody's against 8 bonds, asked by the application",
  pairSecureConnections:
    "instructions awake from pair() to the bond on flash, by LE Secure Connections without a user",
  pairPasskey: "the same by a passkey that the camera types",
  reconnectEncrypted:
    "instructions awake of a bonded device's return until its link is encrypted with the bond's key",
  longestTurn:
    "the most instructions from one look at the UART to the next in those pairings and returns, bonds written to flash among them and a collection wherever it falls, computations on P-256 apart",
  pairingHeapPeak:
    "bytes that the heap grew by, at most, in those two pairings, and malloc's high-water mark",
  uploadPerKB:
    "instructions awake for 1,024 bytes of a bundle that a client of the management server uploads, 896 in each request, with erasing and programming",
  uploadTurn:
    "the most instructions from one look at the UART to the next in that upload, erasing and programming among them",
  stopStart: "instructions awake from stop() to the Advertising Enable of the next advertise()",
  idleWakeups: "returns from sleep in 10 s, connected, with nothing to say",
  notificationsPerSecond: "by the clock of this computer, 20 bytes, one subscriber; reported only",
  channelKBPerSecond:
    "by the clock of this computer, SDUs of 1,024 bytes, the slower direction; reported only",
  uploadKBPerSecond:
    "by the clock of this computer, of such an upload; reported only (smpclient's over rootcanal, and deploy's: host-tests/interop/update.test.ts)",
  rig: "what linked camera and central for what is counted by the second",
  ramBytes:
    "the linker's RAM region (the heap's floor and the C stack are in it), the heap's peak growth, malloc's high-water mark",
  heapService: "bytes of the heap that a service takes",
  heapCharacteristic:
    "bytes of the heap that a characteristic takes that clients read, write and subscribe to",
  heapLink: "bytes of the heap that a client takes who is connected",
  heapSubscription: "bytes of the heap that one subscription of one client takes",
  heapMaxBytes:
    "slots and chunks that the board has for JavaScript: the floor and all that it can grow by; reported only",
  imageBytes: "flash without the application",
  imageBytesPeripheral: "the same of manifests/peripheral.json",
};

/** A figure that left the baseline. */
export interface Change {
  readonly board: string;
  readonly figure: string;
  readonly before: number | undefined;
  readonly after: number | undefined;
}

/** The figures that are worse than the baseline allows, or that one side lacks. */
export function findRises(baseline: Figures, figures: Figures): Change[] {
  return compare(baseline, figures, (before, after) => after > before * (1 + TOLERANCE));
}

/** The figures that are so much better that the baseline should follow. */
export function findFalls(baseline: Figures, figures: Figures): Change[] {
  return compare(baseline, figures, (before, after) => after < before * (1 - TOLERANCE)).filter(
    ({ before, after }) => before !== undefined && after !== undefined,
  );
}

function compare(
  baseline: Figures,
  figures: Figures,
  differs: (before: number, after: number) => boolean,
): Change[] {
  const changes: Change[] = [];
  for (const board of union(baseline, figures)) {
    const [old, now] = [comparable(baseline[board]), comparable(figures[board])];
    for (const figure of union(old, now)) {
      const [before, after] = [old[figure], now[figure]];
      if (before === undefined || after === undefined || differs(before, after)) {
        changes.push({ board, figure, before, after });
      }
    }
  }
  return changes;
}

/** Figures that do not depend on how fast the computer is. */
const REPORTED: readonly string[] = [
  "notificationsPerSecond",
  "channelKBPerSecond",
  "uploadKBPerSecond",
  "rig",
  "heapMaxBytes",
  // coldStart and bootToAdvertising are compared.
  "coldStartBeyondBoot",
];

const comparable = (figures: BoardFigures = {}): Record<string, number> =>
  Object.fromEntries(
    Object.entries(figures).flatMap(([name, figure]) =>
      typeof figure === "number" && !REPORTED.includes(name) ? [[name, figure]] : [],
    ),
  );

const union = (first: object, second: object): string[] => [
  ...new Set([...Object.keys(first), ...Object.keys(second)]),
];

/** One line about a change. */
export function describeChange({ board, figure, before, after }: Change): string {
  const name = `${board} ${figure}`;
  if (before === undefined) return `${name} is ${after}, and the baseline has no such figure`;
  if (after === undefined) return `${name} is ${before} in the baseline, and was not measured`;
  const percent =
    before === 0 ? "" : ` (${after > before ? "+" : ""}${((after / before - 1) * 100).toFixed(1)} %)`;
  return `${name}: ${before} → ${after}${percent}`;
}

const baselineFile = join(root, "tools/bench/baseline.json");

/** The figures that were agreed on last. */
export function readBaseline(): Figures {
  try {
    return JSON.parse(readFileSync(baselineFile, "utf8")) as Figures;
  } catch (error) {
    throw new ToolError(`${displayPath(baselineFile)} cannot be read: ${(error as Error).message}`);
  }
}

export function writeBaseline(figures: Figures): void {
  const baseline = Object.fromEntries(
    Object.entries(figures).map(([board, each]) => [board, comparable(each)]),
  );
  writeFileSync(baselineFile, `${JSON.stringify(baseline, null, 2)}\n`);
}
