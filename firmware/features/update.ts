/** Signed applications in two slots, the management server that changes them over the air, and the module `update`. */
import type { Host } from "../ble/host.ts";
import { utf8Decode } from "../ble/utf8.ts";
import { tapConsole } from "../platform/xs/console-tap.ts";
import { createUpdateLines } from "../platform/xs/update.ts";
import { ConsoleLines } from "../update/console-lines.ts";
import { Management } from "../update/management.ts";
import { Slots } from "../update/slots.ts";
import type { UpdateStore } from "../update/store.ts";
import { createUpdate } from "../update/update.ts";
import type { Feature } from "./feature.ts";

/** How long peers may pair after power-on: a camera under a ceiling has no button. */
const PAIRING_MS = 5 * 60_000;

export const feature = {
  platform: (native) => ({ update: createUpdateLines(native) }),
  update(host) {
    const { platform, records } = host;
    const { clock, power, update: lines } = platform;
    // The simulator's cameras have no slots: an application there is never on trial.
    if (lines === undefined) return { isTrial: () => false, confirm: () => undefined };
    const store = new Slots({
      lines,
      flash: lines.state().slotBytes > 0 ? platform.flash("update") : undefined,
      records,
      clock,
      batteryVolts: () => power?.batteryVolts(),
    });
    serve(host, store);
    return createUpdate(store);
  },
} satisfies Feature;

/** Offers the management service, and has who may use it pair. */
function serve(host: Host, store: UpdateStore): void {
  const { gatt, platform } = host;
  const access = store.trustsEverybody ? "open" : "bonded";
  const console = new ConsoleLines();
  tapConsole(platform, (level, text) => console.add(level, text));
  const management = new Management({
    ...{ clock: platform.clock, gatt, store, access, lines: console },
    random: (length) => platform.random(length),
    info: () => ({ name: utf8Decode(gatt.deviceName), version: runningVersion(store) }),
    whenDelivered: (connection, callback) => void host.whenCompleted(connection, callback),
    reset: () => void host.deactivate().then(() => store.reset()),
    log: host.log,
  });
  host.observe({ onDisconnected: (connection) => management.ended(connection) });
  if (access === "open") return;
  const { encryption } = host;
  if (encryption === undefined) {
    host.log("warning", 'update: nobody can manage this camera: its image has no feature "security"');
  } else if ((platform.power?.startCause ?? "power-on") === "power-on") {
    encryption.manager.openWindow(PAIRING_MS, Number.POSITIVE_INFINITY);
  }
}

function runningVersion(store: UpdateStore): string {
  const version = store.list().find(({ active }) => active)?.version;
  return version ? `${version.major}.${version.minor}.${version.revision}` : "0.0.0";
}
