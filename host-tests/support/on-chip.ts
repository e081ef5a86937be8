/**
 * Puts a modelled CYW43 chip into every camera of a scenario: `npx mocha --require host-tests/support/on-chip.ts FILES`. Its
 * driver brings it up from cold, it sleeps, and the UART stops; the scenarios know nothing of it.
 */
import assert from "node:assert/strict";
import { Cyw43 } from "../../firmware/controllers/cyw43.ts";
import type { Cyw43Chip } from "../../simulator/chips/cyw43.ts";
import { syntheticPatch } from "../../simulator/chips/patch.ts";
import type { SimulatedCamera } from "../../simulator/world.ts";
import { type ControllerKind, makeCamerasBy } from "./cameras.ts";

const patch = syntheticPatch(20, 3000, 5);
/** Of the scenario that runs. */
const chips: Cyw43Chip[] = [];

/** What a host does wrong to its chip is a fault in any scenario. Bytes are lost where a scenario takes the supply in their middle. */
export const mochaHooks = {
  afterEach(): void {
    for (const { violations } of chips.splice(0)) assert.deepEqual(violations, []);
  },
};

/** Start bit, eight data bits, stop bit; and a thousand milliseconds. */
const BAUD_PER_BYTE_IN_A_MS = 10_000;

/**
 * The chip wakes within 5 ms, and has a byte or a hundred to send then. What is never answered, or refused, is the Reset behind the
 * launch of the patch: the ROM answers the ones before.
 */
const KIND: ControllerKind = {
  lateMs: 10,
  unanswered: "patch-failed",
  resetRefused: "patch-failed",
  opensPerStart: 2,
  resetsPerStart: 3,
};

makeCamerasBy((world, options = {}) => {
  const { line: slow, ...others } = options;
  const runBaud = slow?.bytesPerMs && slow.bytesPerMs * BAUD_PER_BYTE_IN_A_MS;
  const { platform, controller, line } = world.addChipCamera({
    ...others,
    line: { patch, ...(runBaud ? { runBaud } : {}) },
  });
  const { clock, log } = platform;
  chips.push(line.chip);
  // Scenarios know the controller's own.
  line.publicAddress = controller.options.publicAddress;
  const driver = new Cyw43({ transport: line, lines: line, clock, log });
  return { platform: platform as unknown as SimulatedCamera["platform"], controller, driver };
}, KIND);
