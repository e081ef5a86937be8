/** A rig for the tests of one `describe`: started before them, stopped after them, its logs shown when one fails. */
import { after, afterEach, before } from "mocha";
import type { ApplicationName } from "./applications.ts";
import type { CameraKind } from "./cameras.ts";
import { Rig } from "./rig.ts";

const BUILD_MS = 600_000;

/** Options of `useRig`. */
export interface UseRigOptions {
  /** The controller is silent at first. */
  readonly mute?: boolean;
  /** Centrals are not stopped after each test, only after one that failed. */
  readonly keepCentrals?: boolean;
}

/** Call inside a `describe`; the returned function gives the rig to its tests. */
export function useRig(kind: CameraKind, app: ApplicationName, options: UseRigOptions = {}): () => Rig {
  let rig: Rig | undefined;
  let hasFailed = false;

  before(async function () {
    // The first rig of a fresh clone builds the firmware.
    this.timeout(BUILD_MS);
    rig = await Rig.start(kind, app, options);
  });

  afterEach(async function () {
    if (this.currentTest?.state === "failed") {
      hasFailed = true;
      process.stderr.write(`${rig?.report()}\n`);
    }
    if (!options.keepCentrals || this.currentTest?.state === "failed") await rig?.stopCentrals();
  });

  after(async () => {
    await rig?.stop({ keepFiles: hasFailed });
  });

  return () => {
    if (rig === undefined) throw new Error("the rig did not start");
    return rig;
  };
}
