/** The radios of a session: what answers the camera's HCI, and which central connects to it. */
import { parseHci } from "../../camera/command.ts";
import { UsageError } from "../../events.ts";
import type { Line } from "../../phone/script.ts";
import type { CentralEvent } from "../../rig/events.ts";

/** Names of the radios, and what each is. */
export const radios = {
  sim: "the simulator: a virtual controller and a virtual phone, inside this tool",
  "sim:cyw43":
    "the simulator with a modelled CYW43 chip, which the camera brings up from cold; --patch names its patch",
  bumble: "rootcanal, a controller of others, and a central on Bumble, a host stack of others; needs Python",
  "tcp:HOST:PORT": "a controller that listens there for H4",
  "unix:PATH": "the same, at a UNIX socket",
  "serial:DEVICE[,SPEED][,rtscts]": "a dongle whose firmware speaks HCI over a serial port; needs Python",
  "usb:INDEX": "a Bluetooth dongle on USB, or usb:VENDOR:PRODUCT; needs Python and a udev rule",
  "hci-socket:NUMBER": "the kernel's adapter hciNUMBER, for a built-in radio; needs Python and root",
} as const;

/** What Bumble's transports take, as far as we have tried what they do. */
const bridged = [
  /^serial:[^,]+(,(\d+|rtscts|dsrdtr|delay|resync))*$/,
  /^usb:(\d+|[0-9a-fA-F]{4}:[0-9a-fA-F]{4}(\/.+|#\d+)?)$/,
  /^hci-socket(:\d+)?$/,
];

/** What `--radio` names. */
export type RadioChoice =
  | { readonly kind: "sim"; readonly chip?: "cyw43" }
  | { readonly kind: "bumble" }
  | { readonly kind: "bridge"; readonly transport: string }
  | { readonly kind: "controller"; readonly hci: string };

/** @throws UsageError, with the radios that there are. */
export function parseRadio(text: string): RadioChoice {
  if (text === "sim" || text === "bumble") return { kind: text };
  if (text === "sim:cyw43") return { kind: "sim", chip: "cyw43" };
  if (bridged.some((form) => form.test(text))) return { kind: "bridge", transport: text };
  try {
    parseHci(text);
  } catch (error) {
    if (/^(tcp:.+:\d+|unix:.+)$/.test(text)) throw new UsageError((error as Error).message);
    throw new UsageError(`There is no radio "${text}". Radios: ${Object.keys(radios).join(", ")}.`);
  }
  return { kind: "controller", hci: text };
}

/** What a central reports, and what it asks for. */
export interface CentralReceiver {
  onCentralEvent(event: CentralEvent): void;
  onLine(text: string): void;
  /** Whether the camera's console has, or gets within that time, a line with this text; each line counts once. */
  heard(text: string, withinMs: number): Promise<string | undefined>;
}

/** A session that goes on. */
export interface CentralSession {
  /** Settles when the session is over: undefined when everything was seen, else what was not. Never rejects. */
  readonly ended: Promise<string | undefined>;
  stop(): Promise<void>;
}

/** A central in the same air as the camera. */
export interface Central {
  /** As lines of the session name it. */
  readonly name: string;
  /** @param script what to do; without one it looks at everything once */
  start(receiver: CentralReceiver, script?: readonly Line[]): CentralSession;
}

/** A radio that runs. */
export interface Radio {
  /** The camera's controller. */
  readonly hci: string;
  /** The lines of a modelled chip, which the camera has to bring up. */
  readonly radioLines?: string;
  /** What it is, in a few words. */
  readonly detail: string;
  /** Where another host finds a controller in the same air; undefined when the air is not ours. */
  readonly neighbour?: string;
  /** Undefined when the air is not ours. */
  readonly central?: Central;
  /** What to do to see the camera; for a real radio. */
  readonly hint?: string;
  /** Settles, with a sentence, when the controller has gone for good; undefined when that cannot be. */
  readonly lost?: Promise<string>;
  stop(): Promise<void>;
}
