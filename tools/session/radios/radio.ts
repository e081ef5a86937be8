/** The radios of a session: what answers the camera's HCI, and who visits the camera through the air. */
import { parseHci } from "../../camera/command.ts";
import { UsageError } from "../../events.ts";
import type { CentralEvent } from "../../rig/events.ts";

/** Names of the radios, and what each is. */
export const radios = {
  sim: "the simulator: a virtual controller and a virtual phone, inside this tool",
  bumble: "rootcanal, a controller of others, and a central on Bumble, a host stack of others; needs Python",
  "tcp:HOST:PORT": "a controller of yours that listens there; the camera alone runs, until Ctrl-C",
  "unix:PATH": "the same, at a UNIX socket",
} as const;

/** What `--radio` names. */
export type RadioChoice =
  | { readonly kind: "sim" }
  | { readonly kind: "bumble" }
  | { readonly kind: "controller"; readonly hci: string };

/** @throws UsageError, with the radios that there are. */
export function parseRadio(text: string): RadioChoice {
  if (text === "sim" || text === "bumble") return { kind: text };
  try {
    parseHci(text);
  } catch {
    throw new UsageError(`There is no radio "${text}". Radios: ${Object.keys(radios).join(", ")}.`);
  }
  return { kind: "controller", hci: text };
}

/** What a visitor tells. */
export interface VisitorReceiver {
  onVisit(event: CentralEvent): void;
  onLine(text: string): void;
}

/** A visit that goes on. */
export interface Visit {
  /** Settles when the visit is over: whether everything was seen. Never rejects. */
  readonly ended: Promise<boolean>;
  stop(): Promise<void>;
}

/** Somebody who can visit the camera. */
export interface Visitor {
  /** As lines of the session name it. */
  readonly name: string;
  start(receiver: VisitorReceiver): Visit;
}

/** A radio that runs. */
export interface Radio {
  /** The camera's controller. */
  readonly hci: string;
  /** What it is, in a few words. */
  readonly detail: string;
  /** Where another host finds a controller in the same air; undefined when the air is not ours. */
  readonly neighbour?: string;
  /** Undefined when the air is not ours. */
  readonly visitor?: Visitor;
  stop(): Promise<void>;
}
