/** A camera and a phone that listens: what scenarios of advertising share. */

import type { Aioble } from "../../firmware/aioble/aioble.ts";
import type { ControllerOptions } from "../../simulator/controller/options.ts";
import type { Phone } from "../../simulator/phone/phone.ts";
import type { Report } from "../../simulator/phone/sightings.ts";
import { createWorld, type World } from "../../simulator/world.ts";
import { type AiobleCamera, addAioble } from "./cameras.ts";

/** Event_Type of reports (Vol 4, Part E, 7.7.65.2). */
export const KIND = {
  CONNECTABLE: 0,
  DIRECTED: 1,
  SCANNABLE: 2,
  NON_CONNECTABLE: 3,
  SCAN_RESPONSE: 4,
} as const;
/** What an advertisement that ran out of time rejects with. */
export const TIMEOUT = { code: "timeout" };

/** The world, both sides in it, and what the camera's application imports. */
export interface ListeningScene extends Aioble {
  readonly world: World;
  readonly camera: AiobleCamera;
  readonly phone: Phone;
}

export function createListeningScene(controller: Partial<ControllerOptions> = {}): ListeningScene {
  const world = createWorld(2);
  const camera = addAioble(world, { controller });
  const { phone } = world.addPhone();
  return { world, camera, phone, ...camera.aioble };
}

/** The kinds of packets that were heard, each once, in the order of their numbers. */
export function kinds(reports: readonly Report[]): number[] {
  return [...new Set(reports.map(({ eventType }) => eventType))].sort();
}

/** Milliseconds between one packet and the next. */
export function gaps(reports: readonly Report[]): number[] {
  const times = reports.filter(({ eventType }) => eventType !== KIND.SCAN_RESPONSE).map(({ atMs }) => atMs);
  return times.slice(1).map((time, at) => time - times[at]!);
}
