/** A camera of the host board that does with its slots what a test says, for tests of updates. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { before } from "mocha";
import { signForDevelopment } from "../../tools/update/development.ts";
import type { Scene } from "./host-firmware.ts";
import { type Run, run } from "./image.ts";
import {
  applicationOf,
  commands,
  type Letters,
  SLOT_BYTES,
  STATE_BYTES,
  slotAt,
  UPDATE_BYTES,
  writeLetters,
} from "./update-commands.ts";

/** The image of a firmware that does with the slots what a state file tells it, and the camera that runs it. */
export interface CommandCamera {
  readonly image: string;
  /** The file that is its flash. */
  readonly state: string;
  /** What shipped with the image: the file of version 1, unless a test has another. */
  shipped: string;
  /** A signed application of this version, whose body has `log`, `confirm` and `say` of the firmware. */
  bundle(version: number, source: string, counter?: number): Buffer;
  copyOf(bytes: Uint8Array): string;
  /** New flash, with these bytes in slot 0. */
  newFlash(slot0: Uint8Array): void;
  put(slot: number, bytes: Uint8Array): void;
  flip(at: number, mask?: number): void;
  setLetters(letters: Letters): void;
  /** From its start to its end, resets on the way among it. */
  runWith(letters: Letters, ...args: string[]): Promise<Run>;
  /** What was said, without what every start says. */
  said(letters: Letters, ...args: string[]): Promise<string[]>;
}

/** How the line begins that says why a trial of slot 0 has ended. */
export const ENDED = "warning: update: the trial of slot 0 has ended:";

/** Declares what builds the image before the tests; the camera is there once they run. */
export function useCommandCamera(scene: Scene): CommandCamera {
  let base = "";
  let files = 0;
  const camera = {
    image: "",
    state: "",
    shipped: "",

    bundle(version: number, source: string, counter = version): Buffer {
      scene.bench.compile("application", "app", applicationOf(source), base);
      const options = { version: `${version}.0.0`, counter };
      return readFileSync(signForDevelopment(scene.bench.path("app.xsb"), "host", options));
    },

    copyOf(bytes: Uint8Array): string {
      const file = scene.bench.path(`file-${files++}`);
      writeFileSync(file, bytes);
      return file;
    },

    newFlash(slot0: Uint8Array): void {
      const bytes = Buffer.alloc(STATE_BYTES + UPDATE_BYTES, 0xff);
      bytes.set(slot0, slotAt(0));
      camera.state = camera.copyOf(bytes);
    },

    put(slot: number, bytes: Uint8Array): void {
      const flash = readFileSync(camera.state);
      flash.fill(0xff, slotAt(slot), slotAt(slot) + SLOT_BYTES);
      flash.set(bytes, slotAt(slot));
      writeFileSync(camera.state, flash);
    },

    flip(at: number, mask = 1): void {
      const flash = readFileSync(camera.state);
      flash[at]! ^= mask;
      writeFileSync(camera.state, flash);
    },

    setLetters(letters: Letters): void {
      const flash = readFileSync(camera.state);
      writeLetters(flash, letters);
      writeFileSync(camera.state, flash);
    },

    runWith(letters: Letters, ...args: string[]): Promise<Run> {
      camera.setLetters(letters);
      // Tests start the camera faster than power-ons may come: those that are about them say so.
      const usual = ["--trial-ms", "60000", "--power-on-ms", "0"];
      return run(camera.image, ["--app", camera.shipped, "--state", camera.state, ...usual, ...args]);
    },

    async said(letters: Letters, ...args: string[]): Promise<string[]> {
      const { lines, status } = await camera.runWith(letters, ...args);
      assert.equal(status, 0, lines.join("\n"));
      return lines
        .filter((line) => !/development key|: slot \d is on trial$/.test(line))
        .map((line) => line.replace(/^info: /, ""));
    },
  };
  before(async () => {
    camera.image = await scene.bench.image("commands", commands);
    base = scene.bench.path("commands.xsb");
    camera.shipped = camera.copyOf(camera.bundle(1, 'log("version 1");'));
  });
  return camera;
}
