/** A small firmware that does with the slots what its flash tells it, and the flash that tells it. */
import { firmware } from "./host-firmware.ts";

export const STATE_BYTES = 65_536;
export const UPDATE_BYTES = 532_480;
const UNIT_BYTES = 4096;
export const SLOT_BYTES = (UPDATE_BYTES - 2 * UNIT_BYTES) / 2;

/** Where a slot begins, from the beginning of the area "state", which lies before the area "update". */
export const slotAt = (slot: number): number => STATE_BYTES + 2 * UNIT_BYTES + slot * SLOT_BYTES;

/** Where a file lies in the area "state" that the letter "l" uploads: its length in 4 bytes, little-endian, and the file. */
export const STAGED_AT = 8192;

/** What is done after power-on, after a wake from deep sleep, and after another reset: letters of `commands`. */
export interface Letters {
  readonly powerOn?: string;
  readonly wake?: string;
  readonly reset?: string;
}

/** Puts letters into the area "state", which begins at `at` of `flash`. */
export function writeLetters(flash: Buffer, { powerOn = "", wake = "", reset = "" }: Letters, at = 0): void {
  flash.fill(0xff, at, at + 96);
  [powerOn, wake, reset].forEach((letters, index) => {
    flash.write(letters, at + index * 32, "latin1");
  });
}

/** An application's module body with what the firmware gives it. */
export const applicationOf = (source: string): string =>
  `import { log, confirm, say } from "camera";\n${source}`;

/**
 * Letters in the area "state" are what it does: 32 bytes of them after power-on, 32 after a wake, 32 after any other reset. Its
 * applications may import `log`, `confirm` and `say` of "camera".
 */
export const commands = firmware(`
  const at = { "power-on": 0, timer: 32, motion: 32, button: 32 }[native.resetCause()] ?? 64;
  const letters = [...native.flashRead("state", at, 32)].filter((byte) => byte !== 255);
  const said = (refusal) => refusal ? refusal.code + ": " + refusal.text : "done";
  const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  let failed;
  const doing = {
    v() {
      native.updateVerifyBegin();
      while (!native.updateVerifyStep());
      const { length, fileHash, code, text } = native.updateVerified();
      log("verified " + (code ? code + ": " + text : length + " " + hex(fileHash)));
    },
    l() {
      const { offset } = native.updateState();
      native.updateTouch();
      const [a, b, c] = native.flashRead("state", ${STAGED_AT}, 4);
      const length = a + 256 * b + 65536 * c;
      native.flashErase("update", offset, Math.ceil(length / 4096) * 4096);
      for (let at = 0; at < length; at += 128) {
        const piece = new Uint8Array(128).fill(255);
        piece.set(native.flashRead("state", ${STAGED_AT} + 4 + at, Math.min(128, length - at)));
        native.flashProgram("update", offset + at, piece);
      }
      log("uploaded");
    },
    m: () => log("mark " + attempt(() => said(native.updateMark(false)))),
    p: () => log("mark " + attempt(() => said(native.updateMark(true)))),
    u: () => log("unmark " + said(native.updateUnmark())),
    c: () => log("confirm " + said(native.updateConfirm())),
    q: () => native.updateReached(),
    n: () => native.updatePaired(),
    y: () => log("pairing " + Math.ceil(native.updateState().pairingMs / 60000)),
    w: () => log("window " + Math.ceil(native.updateState().windowMs / 60000)),
    o() {
      if (native.flashRead("state", 96, 1)[0] !== 255) return;
      native.flashProgram("state", 96, new Uint8Array(8));
      native.updateReached();
      native.controllerFailed();
      throw new Error("once");
    },
    h() {
      native.collect();
      native.collect();
      const { slotsUsed, chunksUsed, growthPeak } = native.heap();
      log("heap " + [slotsUsed, chunksUsed, growthPeak].join(" "));
    },
    t: () => log("touch " + said(native.updateTouch())),
    d: () => undefined,
    r: () => native.reset(),
    f: () => native.controllerFailed(),
    k() {
      const marks = native.flashRead("state", 128, 128).findIndex((byte) => byte === 255);
      native.flashProgram("state", 128 + marks, new Uint8Array(8));
      if (marks % 16 !== 0) native.controllerFailed();
    },
    z: () => native.powerDeepSleep(native.powerRtcNow() + 30, 1),
    x: () => native.exit(0),
    s() {
      const { running, revert, slot, wakeSources } = native.updateState();
      const images = [0, 1].map((index) => {
        const image = native.updateImage(index);
        if (!image) return "-";
        const flags = ["confirmed", "pending", "permanent", "bootable"].filter((name) => image[name]);
        return [image.version[0], ...flags].join(" ");
      });
      log([running, "other slot " + slot, ...images, ...(revert ? [revert] : []), ...(wakeSources === 1 ? ["timer"] : [])].join(" | "));
    },
    a() {
      const modules = { camera: { log, confirm: () => native.updateConfirm(), say: (letter) => doing[letter]() } };
      log("start " + attempt(() => native.applicationStart(modules, {}, (reason) => failed(reason))));
    },
  };
  const step = () => {
    const letter = letters.shift();
    if (letter === undefined) return;
    const name = String.fromCharCode(letter);
    doing[name]();
    native.timerSet(step, name === "d" ? 100 : 5);
  };
  native.timerSet(step, 0);
  return new Promise((_, reject) => { failed = reject; });`);
