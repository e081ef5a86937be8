// First: classes with a method [Symbol.asyncDispose] need the symbol when their modules are evaluated.
import "./platform/dispose.ts";

import { isControllerDefect, isControllerFailure } from "./ble/errors.ts";
import { Host } from "./ble/host.ts";
import { createCamera } from "./camera/camera.ts";
import { controllerDriver, type Feature, missingParts } from "./features/feature.ts";
import { image } from "./features/image.ts";
import { createModules } from "./features/modules.ts";
import { createGlobals, createSignals } from "./platform/globals.ts";
import type { Platform } from "./platform/platform.ts";
import { createErrorReport } from "./platform/report.ts";
import { createTimerQueue } from "./platform/timer-queue.ts";
import { createXsPlatform } from "./platform/xs/index.ts";
import type { Native } from "./platform/xs/native.ts";
import { RecordStore } from "./storage/records.ts";

/**
 * Starts the camera: builds the host on the natives and hands the application the modules that it may import.
 *
 * Where no application can run, the recovery service does, in an image that has one; and the same beside an application that
 * sleeps while the camera has to stay within reach.
 *
 * The promise stays pending as long as the camera runs, and rejects when there is no application, or when the
 * application's module fails. The C side then restarts the camera, after a pause that grows with each failure in a
 * row: nobody may come by for a year, and the reason may be gone by then (a sensor that woke late). One that
 * ends because the controller is lost has not failed: that is not counted. A failure after
 * the application's start, in a timer's callback or a promise, is reported and the camera goes on.
 */
export default function main(native: Native): Promise<never> {
  const xs = createXsPlatform(native);
  const additions = image.features.map((feature: Feature) => feature.platform?.(native));
  const platform = Object.assign({ ...xs, clock: createTimerQueue(xs.clock) }, ...additions) as Platform;
  const records = RecordStore.open(platform.flash("state"), platform.log);
  const driver = controllerDriver(image, platform, native.radioLines()?.driver);
  const host = new Host(platform, records, missingParts(image), driver);
  const signals = createSignals(platform);
  const globals = createGlobals(platform, signals);
  const modules = {
    ...createModules(host, signals, image),
    camera: createCamera({ read: (sensor) => native.sensorRead(sensor) }),
  };
  const recoveries = image.features.flatMap(({ recovery }: Feature) => recovery ?? []);
  const state = platform.update?.state();
  const isAlone = state?.running === "recovery" || state?.wakeSources !== undefined;
  if (isAlone && recoveries.length > 0) {
    for (const recovery of recoveries) recovery(host);
    return new Promise(() => undefined);
  }
  const report = createErrorReport(platform.log, "The application failed");
  return new Promise((_, reject) => {
    native.applicationStart(modules, globals, (reason) => {
      report(reason);
      if (isControllerFailure(reason) || isControllerDefect(reason)) native.controllerFailed();
      reject(new Error("the application could not start"));
    });
  });
}
