/** What the tests of Hci share. */
import type { HciError } from "../../../../firmware/ble/errors.ts";
import { Acl } from "../../../../firmware/ble/hci/acl.ts";
import { Hci } from "../../../../firmware/ble/hci/hci.ts";
import { VirtualClock } from "../../../../simulator/clock.ts";
import { toHex } from "../../../support/bytes.ts";
import { beginSession } from "../../../support/hci.ts";
import { ScriptedController } from "../../../support/scripted-controller.ts";

/** An Hci on a scripted controller in virtual time, and what it reported. */
export function setUp() {
  const controller = new ScriptedController();
  const clock = new VirtualClock(() => controller.settle());
  const log: string[] = [];
  const failures: HciError[] = [];
  const acl: string[] = [];
  const completed: string[] = [];
  let writable = 0;
  const bytesOf = (view: DataView) => toHex(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
  const lengths = new Acl({ transport: controller, log: () => {} });
  const hci = new Hci(
    { transport: controller, clock, log: (level, message) => log.push(`${level}: ${message}`) },
    {
      data: {
        receive(packet) {
          const sound = lengths.receive(packet);
          if (sound) acl.push(bytesOf(packet));
          return sound;
        },
        completed: (packet) => completed.push(bytesOf(packet)),
        completedOne: (handle, count) => completed.push(`${count} of ${handle}`),
        drain: () => writable++,
      },
      onFailure: (error) => failures.push(error),
    },
  );
  beginSession(hci, controller);
  return { controller, clock, log, failures, acl, completed, hci, writableCalls: () => writable };
}

/** What became of a promise, readable without waiting for it. */
export function watch<T>(promise: Promise<T>): {
  state: "pending" | "resolved" | "rejected";
  value?: T;
  error?: HciError;
} {
  const seen: ReturnType<typeof watch<T>> = { state: "pending" };
  promise.then(
    (value) => Object.assign(seen, { state: "resolved", value }),
    (error) => Object.assign(seen, { state: "rejected", error }),
  );
  return seen;
}
