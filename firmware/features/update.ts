/** Signed applications in two slots, the management server that changes them over the air, and the module `update`. */

import type { Connection } from "../ble/gap/connection.ts";
import type { Host } from "../ble/host.ts";
import { utf8Decode, utf8Encode } from "../ble/utf8.ts";
import {
  type Clock,
  isWake,
  type LogLevel,
  type UpdateFigures,
  type UpdateLines,
} from "../platform/platform.ts";
import { tapConsole } from "../platform/xs/console-tap.ts";
import { createUpdateLines } from "../platform/xs/update.ts";
import { type Access, isManagerConnected } from "../update/access.ts";
import { ConsoleLines } from "../update/console-lines.ts";
import { Management, type ManagementPort } from "../update/management.ts";
import type { CameraInfo } from "../update/os-group.ts";
import { putOffSleep } from "../update/put-off.ts";
import { RESERVED_PLACES, Reach } from "../update/reach.ts";
import { Slots } from "../update/slots.ts";
import type { UpdateStore } from "../update/store.ts";
import { TrialReach } from "../update/trial-reach.ts";
import { createUpdate } from "../update/update.ts";
import { WINDOW_MS } from "../update/window.ts";
import type { Feature } from "./feature.ts";

/** What a start takes, or more. */
const START_MS = 1000;

export const feature = {
  platform: (native) => ({ update: createUpdateLines(native) }),
  update(host) {
    const { update: lines } = host.platform;
    // The simulator's cameras have no slots: an application there is never on trial.
    if (lines === undefined) return { isTrial: () => false, confirm: () => undefined };
    const state = lines.state();
    const camera = new ManagedCamera(host, lines, state);
    serve(host, camera, state);
    return createUpdate(camera);
  },
  // The server serves without an application as well, and the window, which is open for ever then, advertises it.
  recovery({ log, platform }) {
    const { problem, running, trustsEverybody, windowMs } = platform.update!.state();
    if (running !== "recovery") {
      const seconds = Math.round(windowMs / 1000);
      // Whoever looks at the console is to know why nothing of the application's is there.
      return platform.log(
        "info",
        `update: the application sleeps; the camera can be managed, for ${seconds} s after this start`,
      );
    }
    if (problem !== undefined) log("error", `update: ${problem}`);
    if (trustsEverybody)
      log("warning", "update: this image trusts the development key: anybody can sign for it");
    log("warning", "update: no application can run; waiting for an upload");
  },
} satisfies Feature;

/** The camera as its management server sees it. A class, whose methods are in the image: closures would be on the heap. */
class ManagedCamera implements ManagementPort {
  readonly access: Access;
  readonly lines = new ConsoleLines();
  /** Made a while after the start. */
  reach: Reach | undefined = undefined;
  private readonly host: Host;
  private readonly slotLines: UpdateLines;
  private slots: Slots | undefined = undefined;

  constructor(host: Host, slotLines: UpdateLines, { trustsEverybody }: UpdateFigures) {
    this.host = host;
    this.slotLines = slotLines;
    this.access = trustsEverybody ? "open" : "bonded";
  }

  get clock(): Clock {
    return this.host.platform.clock;
  }

  get gatt(): ManagementPort["gatt"] {
    return this.host.gatt;
  }

  /** Made when it is asked for: most cameras run for months before anybody does. */
  get store(): UpdateStore {
    if (this.slots) return this.slots;
    const { host, slotLines: lines } = this;
    const { platform, records } = host;
    const { clock, power } = platform;
    this.slots = new Slots({
      ...{ lines, records, clock },
      batteryVolts: () => power?.batteryVolts(),
    });
    return this.slots;
  }

  random(length: number): Uint8Array {
    return this.host.platform.random(length);
  }

  info(): CameraInfo {
    return { name: utf8Decode(this.host.gatt.deviceName), version: runningVersion(this.store) };
  }

  claim(connection: Connection): boolean {
    return this.host.encryption?.claimWindow(connection) ?? false;
  }

  onUse(connection: Connection): void {
    const { manager } = this.host.encryption ?? {};
    if (connection.bond) manager?.firmwareWindow?.used(connection.bond.identity);
    this.reach?.used(connection);
  }

  whenDelivered(connection: Connection, callback: () => void): void {
    this.host.whenCompleted(connection, callback);
  }

  reset(): void {
    void this.host.depart().then(() => this.store.reset());
  }

  log(level: LogLevel, message: string, error?: unknown): void {
    const { peerLog } = this.host;
    peerLog.write(level, message, error);
  }
}

/** Offers the management service, and has who may use it pair. */
function serve(host: Host, camera: ManagedCamera, state: UpdateFigures): void {
  const { platform } = host;
  const { access, lines } = camera;
  const { pairingMs, running, wakeSources, windowMs } = state;
  tapConsole(platform, (level, text) => lines.add(level, text));
  const management = new Management(camera);
  host.observe({ onDisconnected: (connection) => management.ended(connection) });
  if (state.awaitsReach) watchTrial(host, camera.access);
  const startCause = platform.power?.startCause ?? "power-on";
  const wakes = isWake(startCause);
  if (running !== "recovery") host.reservePlaces(RESERVED_PLACES);
  if (running === "recovery") open(host, camera, true);
  else if (wakeSources !== undefined) standIn(host, camera, state, wakeSources);
  // Not while the application starts: it waits for nothing else.
  else if (!wakes || windowMs > 0)
    platform.clock.setTimer(() => open(host, camera, false, wakes ? windowMs : WINDOW_MS), START_MS);
  if (access === "open") return;
  const { encryption } = host;
  if (encryption === undefined) {
    host.log("warning", 'update: nobody can manage this camera: its image has no feature "security"');
  } else if (pairingMs > 0) {
    // A camera under a ceiling has no button: who is there when it is switched on may pair, one device each time.
    // In recovery by the switch somebody stands there who may have lost more than a key: see docs/over-the-air.md.
    const replaces = running === "recovery" && startCause === "power-on";
    encryption.manager.openFirmwareWindow(pairingMs, () => platform.update!.paired(), replaces);
  }
  let hasWarned = false;
  host.observe({
    onConfigured() {
      if (hasWarned || host.settings.secretStore !== "irq") return;
      hasWarned = true;
      host.log(
        "warning",
        'update: with secretStore: "irq" the application keeps the bonds: where it does not, nobody can manage this camera',
      );
    },
  });
}

/** A trial that the camera itself is to confirm: it must be possible to go back from what it confirms. */
function watchTrial({ advertiser, connections, log, platform }: Host, access: Access): void {
  const { clock, update } = platform;
  new TrialReach({
    ...{ advertiser, clock, log },
    isManagerConnected: () => isManagerConnected(access, connections.values()),
    onReached: () => update!.reached(),
  }).watch();
}

/** @param isAlone no application runs: every link is there for the management. */
function open(host: Host, camera: ManagedCamera, isAlone: boolean, durationMs?: number): Reach {
  const { gatt, platform } = host;
  const reach = new Reach(host, {
    ...{ access: camera.access, isRecovery: isAlone },
    name: () => (gatt.deviceName.length > 0 ? gatt.deviceName : utf8Encode(`obscura-${idOf(platform)}`)),
  });
  camera.reach = reach;
  reach.open(durationMs);
  return reach;
}

/** The application sleeps, and the camera is there for who manages it. */
function standIn(
  host: Host,
  camera: ManagedCamera,
  { wakeAtMs, windowMs }: UpdateFigures,
  wakeSources: number,
): void {
  const { clock, update } = host.platform;
  const { rtcNow, sleep } = update!;
  const reach = open(host, camera, true);
  putOffSleep({
    ...{ clock, windowMs },
    ...(wakeAtMs === undefined ? {} : { wakeInMs: wakeAtMs - rtcNow() }),
    isManaged: () => reach.isInUse,
    sleep: () => void host.depart().then(() => sleep(wakeAtMs ?? Number.POSITIVE_INFINITY, wakeSources)),
  });
}

/** Four digits that tell cameras apart. */
function idOf({ uniqueId }: Host["platform"]): string {
  const [high = 0, low = 0] = uniqueId().subarray(-2);
  return ((high << 8) | low | 0x10000).toString(16).slice(1);
}

function runningVersion(store: UpdateStore): string {
  const version = store.list().find(({ active }) => active)?.version;
  return version ? `${version.major}.${version.minor}.${version.revision}` : "0.0.0";
}
