/** Signed applications in two slots, the management server that changes them over the air, and the module `update`. */
import type { Host } from "../ble/host.ts";
import { utf8Decode, utf8Encode } from "../ble/utf8.ts";
import type { ResetCause, UpdateFigures } from "../platform/platform.ts";
import { tapConsole } from "../platform/xs/console-tap.ts";
import { createUpdateLines } from "../platform/xs/update.ts";
import { ConsoleLines } from "../update/console-lines.ts";
import { Management } from "../update/management.ts";
import { Reach } from "../update/reach.ts";
import { Slots } from "../update/slots.ts";
import type { UpdateStore } from "../update/store.ts";
import { createUpdate } from "../update/update.ts";
import { WINDOW_MS } from "../update/window.ts";
import type { Feature } from "./feature.ts";

/** What a start takes, or more. */
const START_MS = 1000;

/** Starts that go on where the camera fell asleep. */
const WAKES: readonly ResetCause[] = ["timer", "motion", "button"];

export const feature = {
  platform: (native) => ({ update: createUpdateLines(native) }),
  update(host) {
    const { platform, records } = host;
    const { clock, power, update: lines } = platform;
    // The simulator's cameras have no slots: an application there is never on trial.
    if (lines === undefined) return { isTrial: () => false, confirm: () => undefined };
    const state = lines.state();
    const store = new Slots({
      lines,
      flash: state.slotBytes > 0 ? platform.flash("update") : undefined,
      records,
      clock,
      batteryVolts: () => power?.batteryVolts(),
    });
    serve(host, store, state);
    return createUpdate(store);
  },
  // The server serves without an application as well, and the window, which is open for ever then, advertises it.
  recovery({ log, platform }) {
    const { problem, trustsEverybody } = platform.update!.state();
    if (problem !== undefined) log("error", `update: ${problem}`);
    if (trustsEverybody)
      log("warning", "update: this image trusts the development key: anybody can sign for it");
    log("warning", "update: no application can run; waiting for an upload");
  },
} satisfies Feature;

/** Offers the management service, and has who may use it pair. */
function serve(host: Host, store: UpdateStore, { running, trustsEverybody }: UpdateFigures): void {
  const { gatt, platform } = host;
  const access = trustsEverybody ? "open" : "bonded";
  const console = new ConsoleLines();
  tapConsole(platform, (level, text) => console.add(level, text));
  const management = new Management({
    ...{ clock: platform.clock, gatt, store, access, lines: console },
    random: (length) => platform.random(length),
    info: () => ({ name: utf8Decode(gatt.deviceName), version: runningVersion(store) }),
    onUse: (connection) => reach?.used(connection),
    whenDelivered: (connection, callback) => void host.whenCompleted(connection, callback),
    reset: () => void host.deactivate().then(() => store.reset()),
    log: host.log,
  });
  host.observe({ onDisconnected: (connection) => management.ended(connection) });
  let reach: Reach | undefined;
  const cause = platform.power?.startCause ?? "power-on";
  const open = (durationMs?: number): void => {
    reach = new Reach(host, {
      ...{ access, isRecovery: running === "recovery" },
      name: () => (gatt.deviceName.length > 0 ? gatt.deviceName : utf8Encode(`obscura-${idOf(platform)}`)),
    });
    reach.open(durationMs);
  };
  if (running === "recovery") open();
  // Not while the application starts: it waits for nothing else.
  else if (!WAKES.includes(cause)) platform.clock.setTimer(() => open(WINDOW_MS), START_MS);
  if (access === "open") return;
  const { encryption } = host;
  if (encryption === undefined) {
    host.log("warning", 'update: nobody can manage this camera: its image has no feature "security"');
  } else if (cause === "power-on") {
    // A camera under a ceiling has no button.
    encryption.manager.openWindow(WINDOW_MS, Number.POSITIVE_INFINITY);
  }
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
