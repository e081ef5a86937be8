/** Uploads to a slot on flash in memory: in any pieces, on any units, with the supply cut and with failures. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "mocha";
import type { UpdateLines, UpdateProblem } from "../../../firmware/platform/platform.ts";
import { RecordStore } from "../../../firmware/storage/records.ts";
import { Slots } from "../../../firmware/update/slots.ts";
import { UpdateError, type UpdateRefusal } from "../../../firmware/update/store.ts";
import { type FlashModel, SimulatedFlash } from "../../../simulator/flash.ts";
import { SeededRandom } from "../../../simulator/random.ts";

const START = 8192;
const SLOT_BYTES = 65_536;
const sha = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();

const models: Record<string, FlashModel> = {
  "units of 4 KB, programmed by 8 bytes": {
    ...{ size: START + SLOT_BYTES, eraseUnit: 4096, programUnit: 8 },
    ...{ writeBack: false, unreadable: false },
  },
  "units of 32 KB, programmed by 32 bytes, with error correction": {
    ...{ size: START * 4 + SLOT_BYTES, eraseUnit: 32_768, programUnit: 32 },
    ...{ writeBack: false, unreadable: true },
  },
  "a file behind a cache": {
    ...{ size: START + SLOT_BYTES, eraseUnit: 4096, programUnit: 4 },
    ...{ writeBack: true, unreadable: false },
  },
};

/** A camera whose other slot is on flash in memory. What the natives say of it is scripted. */
class Camera {
  flash: SimulatedFlash;
  state: SimulatedFlash;
  slots: Slots;
  volts: number | undefined = undefined;
  refusal: UpdateProblem | undefined = undefined;
  verdict: UpdateProblem | undefined = undefined;
  readonly calls: string[] = [];
  /** Bytes that a verification looks at: the file's, as its own lengths say. */
  fileLength = 0;

  constructor(model: FlashModel, random: SeededRandom) {
    this.flash = new SimulatedFlash(model, random);
    this.state = new SimulatedFlash({ ...model, size: 2 * model.eraseUnit }, random);
    this.slots = this.start();
  }

  get offset(): number {
    return this.flash.size - SLOT_BYTES;
  }

  /** As after a reset, or when the supply has come back. */
  restart(): void {
    this.flash = this.flash.restart();
    this.state = this.state.restart();
    this.slots = this.start();
  }

  content(): Uint8Array {
    return this.flash.content.slice(this.offset, this.offset + this.fileLength);
  }

  private start(): Slots {
    let steps = 0;
    const { flash } = this;
    const lines: UpdateLines = {
      flash: () => flash,
      state: () => ({
        ...{ running: "confirmed", slotBytes: SLOT_BYTES, slot: 1, offset: this.offset },
        trustsEverybody: false,
        windowMs: 0,
        pairingMs: 0,
        powerOnRecoveries: 0,
        awaitsReach: false,
      }),
      image: (index) =>
        index === 0
          ? undefined
          : {
              version: Uint8Array.of(1, 2, 3, 0, 4, 0, 0, 0),
              hash: sha(this.content()),
              ...{ confirmed: false, pending: false, permanent: false, bootable: true },
            },
      reached: () => undefined,
      paired: () => undefined,
      touch: () => this.refusal,
      verifyBegin: () => {
        steps = 3;
      },
      verifyStep: () => --steps === 0,
      verified: () => ({ length: this.fileLength, fileHash: sha(this.content()), ...this.verdict }),
      mark: (isPermanent) => {
        this.calls.push(isPermanent ? "permanent" : "trial");
        return this.refusal;
      },
      unmark: () => {
        this.calls.push("unmark");
        return undefined;
      },
      confirm: () => this.refusal,
      reset: () => {
        throw new Error("reset");
      },
      rtcNow: () => 0,
      sleep: () => {
        throw new Error("sleep");
      },
    };
    return new Slots({
      lines,
      records: RecordStore.open(this.state, () => {}),
      clock: {
        setTimer: (callback) => {
          queueMicrotask(callback);
          return 0;
        },
      },
      batteryVolts: () => this.volts,
    });
  }

  /** What a client does until the file is whole, or something throws. */
  async upload(file: Uint8Array, random: SeededRandom): Promise<void> {
    this.fileLength = file.length;
    let { offset } = this.slots.beginUpload(file.length, sha(file));
    for (;;) {
      const piece = file.subarray(offset, offset + 1 + random.below(1500));
      const progress = await this.slots.write(offset, piece);
      offset = progress.offset;
      if (offset < file.length) continue;
      assert.deepEqual(progress, { offset: file.length, match: true });
      return;
    }
  }
}

const refused =
  (refusal: UpdateRefusal, sentence = /\.$/) =>
  (error: unknown) => {
    assert.ok(error instanceof UpdateError, String(error));
    assert.equal(error.code, "update-refused");
    assert.equal(error.refusal, refusal);
    assert.match(error.message, sentence);
    return true;
  };

describe("Uploads", () => {
  for (const [name, model] of Object.entries(models)) {
    describe(`to ${name}`, () => {
      it("arrive whole, whatever the pieces and the length, over what was there", async () => {
        const random = new SeededRandom(7);
        const camera = new Camera(model, random);
        for (const length of [32, 33, 4096, 4097, 20_001, SLOT_BYTES - 3, SLOT_BYTES]) {
          const file = random.bytes(length);
          await camera.upload(file, random);
          assert.deepEqual(camera.content(), file);
          assert.equal(camera.slots.upload, undefined);
        }
      });

      it("go on after the supply was cut at any operation, from a checkpoint", async () => {
        const random = new SeededRandom(8);
        const file = random.bytes(40_000);
        let resumed = 0;
        for (let after = 0, isDone = false; !isDone; after += 1 + random.below(6)) {
          const camera = new Camera(model, random);
          camera.flash.cutAfter(after);
          // Both areas are on one supply; the state's operations are few.
          try {
            await camera.upload(file, random);
            isDone = true;
          } catch {
            camera.restart();
            const begun = camera.slots.upload;
            if (begun !== undefined) {
              resumed++;
              assert.ok(begun.offset > 0 && begun.offset % model.eraseUnit === 0, `${begun.offset}`);
              assert.deepEqual(Buffer.from(begun.sha), Buffer.from(sha(file)));
            }
            await camera.upload(file, random);
          }
          assert.deepEqual(camera.content(), file, `cut after ${after}`);
        }
        assert.ok(resumed > 1, `${resumed} resumed`);
      });

      it("go back to the checkpoint when the flash fails, and on from there", async () => {
        const random = new SeededRandom(9);
        const file = random.bytes(40_000);
        for (let after = 1; after < 40; after += 5) {
          const camera = new Camera(model, random);
          camera.flash.failAfter(after);
          await assert.rejects(
            camera.upload(file, random),
            refused("flash-failed", /^The flash failed: .*\.$/),
          );
          assert.equal(camera.slots.upload!.offset % model.eraseUnit, 0);
          await camera.upload(file, random);
          assert.deepEqual(camera.content(), file, `failed after ${after}`);
        }
      });
    });
  }

  const model = Object.values(models)[0]!;
  const random = new SeededRandom(10);
  const file = random.bytes(20_000);
  const camera = (): Camera => new Camera(model, random);

  it("begin anew for another file, and go on for the same", async () => {
    const { slots } = camera();
    assert.equal(slots.beginUpload(20_000, sha(file)).offset, 0);
    assert.deepEqual(await slots.write(0, file.subarray(0, 5000)), { offset: 5000 });
    assert.equal(slots.beginUpload(20_000, sha(file)).offset, 5000);
    assert.equal(slots.beginUpload(20_001, sha(file)).offset, 0);
    assert.equal(slots.beginUpload(20_000, sha(file)).offset, 0);
  });

  it("take what is at the offset wanted, and say which that is", async () => {
    const { slots } = camera();
    await assert.rejects(slots.write(0, file), refused("not-found"));
    slots.beginUpload(20_000, sha(file));
    await slots.write(0, file.subarray(0, 100));
    for (const offset of [0, 99, 101, 20_000])
      assert.deepEqual(await slots.write(offset, file.subarray(0, 10)), { offset: 100 });
    assert.deepEqual(await slots.write(100, new Uint8Array(0)), { offset: 100 });
    await assert.rejects(slots.write(100, file), refused("too-large", /20000 bytes, and has more/));
    assert.deepEqual(await slots.write(100, file.subarray(100, 101)), { offset: 101 });
  });

  it("are refused before anything is erased", () => {
    const it = camera();
    const operations = it.flash.operations;
    assert.throws(
      () => it.slots.beginUpload(SLOT_BYTES + 1, sha(file)),
      refused("too-large", /65537 bytes.*65536/),
    );
    assert.throws(() => it.slots.beginUpload(31, sha(file)), refused("truncated"));
    assert.throws(() => it.slots.beginUpload(2 ** 40, sha(file)), refused("too-large"));
    assert.throws(() => it.slots.beginUpload(100.5, sha(file)), refused("truncated"));
    assert.throws(() => it.slots.beginUpload(100, file.subarray(0, 31)), RangeError);
    it.volts = 3.29;
    assert.throws(() => it.slots.beginUpload(100, sha(file)), refused("battery-low", /3\.29 V.*3\.3/));
    it.volts = 3.3;
    it.refusal = { code: "no-free-slot", text: "a trial is running; confirm it" };
    assert.throws(
      () => it.slots.beginUpload(100, sha(file)),
      refused("no-free-slot", /^A trial is running; confirm it\.$/),
    );
    assert.equal(it.slots.upload, undefined);
    assert.equal(it.flash.operations, operations);
  });

  it("are one at a time, with marks and erasures", async () => {
    const { slots } = camera();
    slots.beginUpload(20_000, sha(file));
    const first = slots.write(0, file.subarray(0, 1000));
    assert.throws(() => slots.beginUpload(20_000, sha(file)), refused("busy"));
    const others = [slots.write(0, file.subarray(0, 1000)), slots.mark(sha(file), false), slots.erase()];
    for (const other of others) await assert.rejects(other, refused("busy"));
    assert.deepEqual(await first, { offset: 1000 });
  });

  it("say at the end whether it is the file that was announced, and whether it will run", async () => {
    const it = camera();
    it.fileLength = 20_000;
    it.slots.beginUpload(20_000, sha(file.subarray(1)));
    assert.deepEqual(await it.slots.write(0, file), { offset: 20_000, match: false });
    it.verdict = { code: "wrong-board", text: "is for another board" };
    it.slots.beginUpload(20_000, sha(file));
    const { match, problem } = await it.slots.write(0, file);
    assert.equal(match, true);
    refused("wrong-board", /^The bundle is for another board\.$/)(problem);
    it.verdict = undefined;
    it.fileLength = 19_999;
    it.slots.beginUpload(20_000, sha(file));
    refused("malformed", /goes on behind/)((await it.slots.write(0, file)).problem);
    const beginning = it.flash.content.subarray(it.offset, it.offset + 32);
    assert.ok(
      beginning.every((byte) => byte === 0xff),
      "without its beginning it is neither listed nor marked",
    );
  });

  it("are marked by their hash, after another verification", async () => {
    const it = camera();
    await it.upload(file, random);
    await it.slots.mark(sha(file), false);
    await it.slots.mark(sha(file), true);
    assert.deepEqual(it.calls, ["trial", "permanent"]);
    await assert.rejects(it.slots.mark(sha(file.subarray(1)), false), refused("not-found"));
    it.verdict = { code: "downgrade", text: "has a lower security counter" };
    await assert.rejects(it.slots.mark(sha(file), false), refused("downgrade"));
    it.verdict = undefined;
    it.volts = 3;
    await assert.rejects(it.slots.mark(sha(file), false), refused("battery-low"));
    assert.equal(it.calls.length, 2);
  });

  it("are refused at the mark for whatever the verification finds then, and stay where they are", async () => {
    const it = camera();
    await it.upload(file, random);
    for (const code of [
      ...(["unknown-key", "revoked-key", "bad-signature", "damaged", "malformed"] as const),
      ...(["wrong-board", "wrong-engine", "wrong-interface", "downgrade"] as const),
    ]) {
      it.verdict = { code, text: "is refused" };
      await assert.rejects(it.slots.mark(sha(file), true), refused(code, /^The bundle is refused\.$/));
    }
    assert.deepEqual(it.calls, []);
    assert.deepEqual(it.content().subarray(0, file.length), file);
  });

  it("are neither marked, erased nor begun while a trial runs", async () => {
    const it = camera();
    await it.upload(file, random);
    const before = it.content();
    const { operations } = it.flash;
    it.refusal = { code: "no-free-slot", text: "a trial is running; confirm it, or reset the camera" };
    const isTrial = refused("no-free-slot", /^A trial is running/);
    await assert.rejects(it.slots.mark(sha(file), false), isTrial);
    await assert.rejects(it.slots.erase(), isTrial);
    assert.throws(() => it.slots.beginUpload(20_000, sha(file)), isTrial);
    assert.equal(it.flash.operations, operations);
    assert.deepEqual(it.content(), before);
  });

  it("are gone once erased, and what had begun with them", async () => {
    const it = camera();
    await it.upload(file, random);
    it.slots.beginUpload(20_000, sha(file));
    await it.slots.write(0, file.subarray(0, 18_000));
    await it.slots.erase();
    assert.equal(it.slots.upload, undefined);
    assert.ok(
      it
        .content()
        .subarray(0, 32)
        .every((byte) => byte === 0xff),
    );
    it.restart();
    assert.equal(it.slots.upload, undefined);
    assert.ok(it.calls.includes("unmark"));
    it.refusal = { code: "in-use", text: "this is the bundle that runs" };
    await assert.rejects(it.slots.erase(), refused("in-use"));
    assert.throws(() => it.slots.confirm(), refused("in-use"));
  });
});
