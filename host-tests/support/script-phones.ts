/** The phones that the steps of a script are done with: the simulator's, and our own stack. */
import { feature as linkControl } from "../../firmware/features/link-control.ts";
import { createTimerQueue } from "../../firmware/platform/timer-queue.ts";
import { createWorld, type World } from "../../simulator/world.ts";
import { createCentralHost } from "../../tools/central/host.ts";
import { MemoryRecords } from "../../tools/central/memory-records.ts";
import { ScriptError } from "../../tools/phone/actor.ts";
import { HostPhone } from "../../tools/phone/host-phone.ts";
import { Player } from "../../tools/phone/player.ts";
import { parseScript } from "../../tools/phone/script.ts";
import type { ScriptPhone } from "../../tools/phone/script-phone.ts";
import type { CentralEvent } from "../../tools/rig/events.ts";
import { type AiobleCamera, addAioble } from "./cameras.ts";

/** Each makes a phone in a world. */
export const PHONES = {
  "the virtual phone": (world: World): ScriptPhone => world.addPhone().phone,
  "our own stack": (world: World): ScriptPhone => {
    const { platform } = world.addCamera();
    const queued = { ...platform, clock: createTimerQueue(platform.clock) };
    return new HostPhone(createCentralHost(queued, new MemoryRecords(), [linkControl]));
  },
} as const;

/** A camera that says something on its console now and then. */
export interface Scene extends AiobleCamera {
  readonly world: World;
  readonly say: (text: string) => void;
}

/** Begins what the camera does. */
export type Play = (scene: Scene) => unknown;

/** How often a line of the console is looked for. */
const LOOK_MS = 50;

/**
 * Plays a script with one of the phones, in virtual time.
 * @returns what was reported, one line an event, and at last the sentence of the step that failed, if one did. What is drawn at random,
 * and the phone's own address, are left out.
 */
export async function playWith(kind: keyof typeof PHONES, play: Play, script: string): Promise<string[]> {
  const world = createWorld(11);
  const camera = addAioble(world);
  const said: string[] = [];
  const phone = PHONES[kind](world);
  const seen: string[] = [];
  const stage = {
    addPhone: () => phone,
    wait: (ms: number) => world.clock.sleep(ms),
    heard: async (text: string, withinMs: number) => {
      for (let waited = 0; waited <= withinMs; waited += LOOK_MS) {
        const at = said.findIndex((line) => line.includes(text));
        if (at >= 0) return said.splice(at, 1)[0];
        await world.clock.sleep(LOOK_MS);
      }
      return undefined;
    },
  };
  await world.run(async () => {
    await play({ ...camera, world, say: (text) => void said.push(text) });
    const player = new Player(stage, (event) => seen.push(...lineOf(event)));
    try {
      await player.play(parseScript(script, "script"));
    } catch (error) {
      if (!(error instanceof ScriptError)) throw error;
      seen.push(error.message);
    }
  }, 600_000);
  return seen;
}

function lineOf(event: CentralEvent): string[] {
  if (event.event === "ready") return [];
  if (event.event === "shows" || event.event === "compares") return [`${event.event} ${event.number.length}`];
  return [JSON.stringify(event)];
}
