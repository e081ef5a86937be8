/** What unit tests of advertising share: a rig whose radio is on, and what its commands come to. */
import { createRig, type Rig } from "./rig.ts";

export const ENABLE = 0x200a;
/** LE Set Advertising Enable, on and off. */
export const ENABLE_ON = "01 0a 20 01 01";
export const ENABLE_OFF = "01 0a 20 01 00";

/** Turns the radio on and forgets how. */
export async function createActiveRig(): Promise<Rig> {
  const rig = createRig();
  await Promise.all([rig.host.activate(), rig.settle()]);
  rig.controller.sent.length = 0;
  return rig;
}

/** Whether advertising is on after these commands. */
export function isOnAir(commands: readonly string[]): boolean {
  return commands.filter((command) => command.startsWith("01 0a 20")).at(-1) === ENABLE_ON;
}
