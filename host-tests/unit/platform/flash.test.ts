import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { createBackgroundFlash } from "../../../firmware/platform/xs/background-flash.ts";

/** Natives of a flash of two areas that ends an operation in the background when the test says so. */
function createNative() {
  const calls: string[] = [];
  let under: ((worked: boolean) => void) | undefined;
  const begin = (what: string, done: (worked: boolean) => void): void => {
    assert.equal(under, undefined, "one operation at a time");
    calls.push(what);
    under = done;
  };
  return {
    calls,
    /** Ends the operation under way, and lets the next one begin. */
    async end(worked = true): Promise<void> {
      const done = under;
      under = undefined;
      done!(worked);
      await new Promise((resolve) => setImmediate(resolve));
    },
    isBusy: () => under !== undefined,
    native: {
      flashGeometry: (area: string) => {
        if (area !== "state" && area !== "update") throw new TypeError(`no flash area is called ${area}`);
        return { size: 16_384, eraseUnit: 4096, programUnit: 8 };
      },
      flashRead: () => new Uint8Array(1),
      flashProgram: (area: string, offset: number) => void calls.push(`program ${area} ${offset}`),
      flashErase: (area: string, offset: number) => void calls.push(`erase ${area} ${offset}`),
      flashSync: () => {},
      flashBeginProgram: (
        area: string,
        offset: number,
        bytes: Uint8Array,
        done: (worked: boolean) => void,
      ): void => begin(`begin program ${area} ${offset} ${bytes.length} ${bytes[0]}`, done),
      flashBeginErase: (
        area: string,
        offset: number,
        length: number,
        done: (worked: boolean) => void,
      ): void => begin(`begin erase ${area} ${offset} ${length}`, done),
    },
  };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** How a promise stands. */
function watch(promise: Promise<void>): { outcome: string } {
  const watched = { outcome: "pending" };
  promise.then(
    () => {
      watched.outcome = "done";
    },
    (error: Error) => {
      watched.outcome = String(error);
    },
  );
  return watched;
}

describe("flash in the background", () => {
  it("erases unit by unit, and programs in steps of 1024 bytes", async () => {
    const { native, calls, end } = createNative();
    const area = createBackgroundFlash(native)("update");
    const erased = watch(area.eraseInBackground(4096, 8192));
    const bytes = Uint8Array.from({ length: 2056 }, (_, index) => index >> 10);
    const programmed = watch(area.programInBackground(4096, bytes));
    await settled();
    for (let step = 0; step < 2; step++) await end();
    assert.deepEqual([erased.outcome, programmed.outcome], ["done", "pending"]);
    for (let step = 0; step < 3; step++) await end();
    assert.equal(programmed.outcome, "done");
    assert.deepEqual(calls, [
      "begin erase update 4096 4096",
      "begin erase update 8192 4096",
      "begin program update 4096 1024 0",
      "begin program update 5120 1024 1",
      "begin program update 6144 8 2",
    ]);
  });

  it("one operation at a time, whatever the areas, and blocking ones between the steps", async () => {
    const { native, calls, end } = createNative();
    const flash = createBackgroundFlash(native);
    const [state, update] = [flash("state"), flash("update")];
    const first = watch(update.eraseInBackground(0, 8192));
    const second = watch(state.eraseInBackground(0, 4096));
    await settled();
    state.program(0, new Uint8Array(8));
    await end();
    await end();
    await end();
    assert.deepEqual([first.outcome, second.outcome], ["done", "done"]);
    assert.deepEqual(calls, [
      "begin erase update 0 4096",
      "program state 0",
      "begin erase update 4096 4096",
      "begin erase state 0 4096",
    ]);
  });

  it("a step that fails rejects and ends the operation, and the next one begins", async () => {
    const { native, calls, end, isBusy } = createNative();
    const area = createBackgroundFlash(native)("update");
    const failed = watch(area.eraseInBackground(0, 8192));
    const next = watch(area.programInBackground(0, new Uint8Array(8)));
    await settled();
    await end(false);
    assert.equal(failed.outcome, "Error: flash: cannot erase at 0");
    await end();
    assert.equal(next.outcome, "done");
    assert.equal(isBusy(), false);
    assert.deepEqual(calls, ["begin erase update 0 4096", "begin program update 0 8 0"]);
  });

  it("a wrong range begins nothing", async () => {
    const { native, calls } = createNative();
    const area = createBackgroundFlash(native)("update");
    for (const [offset, length] of [
      [0, 16_392],
      [4, 8],
      [0, 12],
      [-8, 8],
    ] as const) {
      await assert.rejects(area.programInBackground(offset, new Uint8Array(length)), RangeError);
    }
    await assert.rejects(area.eraseInBackground(0, 8), RangeError);
    assert.deepEqual(calls, []);
  });

  it("there is no area of another name", () => {
    assert.throws(() => createBackgroundFlash(createNative().native)("nowhere"), TypeError);
  });
});
