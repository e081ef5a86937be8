/** What the interoperability tests expect of the applications that they run on a camera. */
import { join } from "node:path";
import { root } from "../../tools/paths.ts";
import { CHANNELS_NAME } from "./applications/channels/names.ts";
import { NAME as EVERYTHING_NAME } from "./applications/everything/names.ts";
import { SELECTOR_NAME } from "./applications/multitests/names.ts";
import { PAIRER_NAME } from "./applications/pairer/names.ts";
import { NAME as PAIRING_NAME } from "./applications/pairing/names.ts";
import { READER_NAME } from "./applications/reader/names.ts";

/** The examples under test, and the tests' own applications, of host-tests/interop/applications. */
export type ApplicationName =
  | "environment-sensor"
  | "mailbox"
  | "multitests"
  | "multitests-central"
  | "everything"
  | "reader"
  | "pairing"
  | "pairer"
  | "channels";

/** examples/environment-sensor. */
export const environmentSensor = {
  name: "obscura-env",
  service: "181A",
  temperature: "2A6E",
  humidity: "2A6F",
  /** Generic Sensor. */
  appearance: 0x0540,
  appearanceRaw: "4005",
} as const;

/** The UUID of the mailbox and, with a number, of what is in it. */
const mailboxUuid = (number: number): string => `4F627363-7572-6100-8000-00000000000${number}`;

/** examples/mailbox. */
export const mailbox = {
  name: "obscura-mail",
  service: mailboxUuid(0),
  /** Read and write: what was written is read back. */
  text: mailboxUuid(1),
  /** "empty", until something is written. */
  initialText: "empty",
  /** Write, and write without response: answered with a notification of `answer`, its bytes in reverse. */
  command: mailboxUuid(2),
  answer: mailboxUuid(3),
  /** Read only: 300 bytes 0, 1, … 255, 0, 1, …; takes Read Blob. */
  archive: mailboxUuid(4),
  archiveRaw: Buffer.from(Array.from({ length: 300 }, (_, index) => index & 0xff)).toString("hex"),
} as const;

/** The advertised name of an application, empty where it never advertises. */
export const advertisedName: Readonly<Record<ApplicationName, string>> = {
  "environment-sensor": environmentSensor.name,
  mailbox: mailbox.name,
  multitests: SELECTOR_NAME,
  "multitests-central": "",
  everything: EVERYTHING_NAME,
  reader: READER_NAME,
  pairing: PAIRING_NAME,
  pairer: PAIRER_NAME,
  channels: CHANNELS_NAME,
};

/** How the build knows an application: the name of an example, or a path. */
export const sourceOf = (app: ApplicationName): string =>
  app === "environment-sensor" || app === "mailbox"
    ? app
    : join(root, "host-tests/interop/applications", app);
