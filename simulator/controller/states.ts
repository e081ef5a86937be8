/** Which states a controller has at a time: those that its LE_States name (Vol 4, Part E, 7.8.27). */
import type { Controller } from "./controller.ts";

/** Bits of an advertising type beside passive scanning, active scanning, initiating, a central's link, a peripheral's. */
const ADVERTISING: readonly (readonly number[])[] = [
  [10, 14, 32, 35, 38],
  [11, 15, 33, 36, 39],
  [9, 13, 17, 19, 21],
  [8, 12, 16, 18, 20],
  [30, 31, 34, 37, 40],
];
/** Of initiating beside passive and active scanning, and beside links. */
const INITIATING = { scanning: [22, 23], links: [28, 41] } as const;
/** Of passive and active scanning beside links. */
const SCANNING = [
  [24, 26],
  [25, 27],
] as const;

/** What a controller is at. */
export interface Activities {
  /** Advertising_Type. */
  readonly advertising?: number | undefined;
  /** 0 passive, 1 active. */
  readonly scanning?: number | undefined;
  readonly initiating?: boolean | undefined;
}

/** Whether `options.leStates` allow `wanted` beside what the controller is at. A controller that names none is not held to it. */
export function statesAllow(controller: Controller, wanted: Activities): boolean {
  const { leStates } = controller.options;
  if (leStates.every((byte) => byte === 0)) return true;
  const { advertising, scanning, initiating } = { ...controller.activities, ...wanted };
  const roles = new Set([...controller.links.values()].map(({ role }) => role));
  const needed: number[] = [];
  if (advertising !== undefined) {
    const bits = ADVERTISING[advertising]!;
    if (scanning !== undefined) needed.push(bits[scanning]!);
    if (initiating) needed.push(bits[2]!);
    for (const role of roles) needed.push(bits[3 + role]!);
  }
  if (initiating) {
    if (scanning !== undefined) needed.push(INITIATING.scanning[scanning]!);
    for (const role of roles) needed.push(INITIATING.links[role]!);
  }
  if (scanning !== undefined) for (const role of roles) needed.push(SCANNING[scanning]![role]!);
  return needed.every((bit) => ((leStates[bit >> 3]! >> (bit & 7)) & 1) === 1);
}
