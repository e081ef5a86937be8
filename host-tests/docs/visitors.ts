/** Who visits the applications of the documents: one scenario for each, by the name behind the fence. */
import type { Phone } from "../../simulator/phone/phone.ts";
import { visit } from "../../simulator/phone/visit.ts";
import { renderCentralEvent } from "../../tools/rig/render.ts";

/** What a visitor has. */
export interface Scene {
  /** A phone near the camera. */
  addPhone(): Phone;
  /** Adds a line of the phone to the output. */
  say(line: string): void;
  /** Waits until a line with this text was said. */
  saw(text: string): Promise<void>;
}

export type Visitor = (scene: Scene) => Promise<void>;

/** The visitor of `obscura run`: finds, reads, subscribes, takes some notifications, leaves, finds again. */
const everything: Visitor = async ({ addPhone, say }) => {
  for await (const event of visit(addPhone(), { patienceMs: 5000, notifications: 2 })) {
    for (const line of renderCentralEvent(event)) say(line);
  }
};

export const visitors: Readonly<Record<string, Visitor>> = {
  sensor: everything,
};
