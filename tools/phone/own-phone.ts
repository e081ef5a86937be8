/** A phone at a controller of this computer: the firmware's host, in this process. */
import { randomBytes } from "node:crypto";
import { feature as linkControl } from "../../firmware/features/link-control.ts";
import { FileRecords } from "../central/file-records.ts";
import { computerPlatform, createCentralHost } from "../central/host.ts";
import { MemoryRecords } from "../central/memory-records.ts";
import { createRealClock, type RealClock } from "../radio/real-clock.ts";
import { HostPhone } from "./host-phone.ts";

const IDENTITY_LENGTH = 8;

/** What the step that pairs reports by itself, in words for a phone's user. */
const REPORTED = /^warning: smp: link \d+: pairing failed: /;

/** What it is made of. */
export interface OwnPhoneOptions {
  /** Where its controller listens: `tcp:HOST:PORT` or `unix:PATH`. */
  readonly hci: string;
  /** File that keeps its bonds, and who it is; another device each time when left out. */
  readonly bonds: string | undefined;
  /** Gets what its stack warns of, and no step reports. */
  readonly onLine: (text: string) => void;
  /** Called when the controller has closed its socket. */
  readonly onGone: () => void;
}

/** It runs. */
export interface OwnPhone {
  readonly phone: HostPhone;
  readonly clock: RealClock;
  /** Ends all links, and lets nothing keep the process alive. */
  stop(): Promise<void>;
}

/** @throws ToolError for a file that holds no bonds. */
export function startOwnPhone({ hci, bonds, onLine, onGone }: OwnPhoneOptions): OwnPhone {
  const clock = createRealClock();
  const file = bonds === undefined ? undefined : new FileRecords(bonds);
  const identity = file?.identity() ?? new Uint8Array(randomBytes(IDENTITY_LENGTH));
  const platform = computerPlatform({
    ...{ clock, hci, identity, onGone },
    onLine: (text) => {
      if (!REPORTED.test(text)) onLine(text);
    },
  });
  // A camera that asks for other connection parameters gets them.
  const central = createCentralHost(platform, file ?? new MemoryRecords(), [linkControl]);
  return {
    phone: new HostPhone(central),
    clock,
    async stop() {
      await central.host.deactivate();
      clock.stop();
    },
  };
}
