/**
 * Updates on the host board, by a small firmware that does with the slots what a state file tells it: what starts, trials and
 * their ends, the recovery service, and a supply that goes at each operation of flash.
 */
import assert from "node:assert/strict";
import { createHash, generateKeyPairSync } from "node:crypto";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { before, describe, it } from "mocha";
import { signForDevelopment } from "../../tools/update/development.ts";
import { parseVersion, signBody } from "../../tools/update/format.ts";
import { developmentKeyFile, readSigningKey } from "../../tools/update/keys.ts";
import { makeBody } from "../../tools/update/manifest.ts";
import { describeOnHost } from "./host-firmware.ts";
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

describeOnHost((scene) => {
  describe("updates", () => {
    let image: string;
    let base: string;
    let state: string;
    /** What shipped with the image. */
    let shipped: string;
    let files = 0;

    before(async () => {
      image = await scene.bench.image("commands", commands);
      base = scene.bench.path("commands.xsb");
      shipped = copyOf(bundle(1, 'log("version 1");'));
    });

    /** A signed application of this version, whose body has `log`, `confirm` and `say` of the firmware. */
    function bundle(version: number, source: string, counter = version): Buffer {
      scene.bench.compile("application", "app", applicationOf(source), base);
      const options = { version: `${version}.0.0`, counter };
      return readFileSync(signForDevelopment(scene.bench.path("app.xsb"), "host", options));
    }

    function copyOf(bytes: Uint8Array): string {
      const file = scene.bench.path(`file-${files++}`);
      writeFileSync(file, bytes);
      return file;
    }

    /** New flash, with these bytes in slot 0. */
    function newFlash(slot0: Uint8Array): void {
      const bytes = Buffer.alloc(STATE_BYTES + UPDATE_BYTES, 0xff);
      bytes.set(slot0, slotAt(0));
      state = copyOf(bytes);
    }

    function put(slot: number, bytes: Uint8Array): void {
      const flash = readFileSync(state);
      flash.fill(0xff, slotAt(slot), slotAt(slot) + SLOT_BYTES);
      flash.set(bytes, slotAt(slot));
      writeFileSync(state, flash);
    }

    function flip(at: number, mask = 1): void {
      const flash = readFileSync(state);
      flash[at]! ^= mask;
      writeFileSync(state, flash);
    }

    function setLetters(letters: Letters): void {
      const flash = readFileSync(state);
      writeLetters(flash, letters);
      writeFileSync(state, flash);
    }

    const runWith = (letters: Letters, ...args: string[]): Promise<Run> => {
      setLetters(letters);
      // Tests start the camera faster than power-ons may come: those that are about them say so.
      const usual = ["--trial-ms", "60000", "--power-on-ms", "0"];
      return run(image, ["--app", shipped, "--state", state, ...usual, ...args]);
    };

    /** What was said, without what every start says. */
    async function said(letters: Letters, ...args: string[]): Promise<string[]> {
      const { lines, status } = await runWith(letters, ...args);
      assert.equal(status, 0, lines.join("\n"));
      return lines
        .filter((line) => !/development key|: slot \d is on trial$/.test(line))
        .map((line) => line.replace(/^info: /, ""));
    }

    const ENDED = "warning: update: the trial of slot 0 has ended:";

    it("starts what shipped until another is tried, and goes back to it", async () => {
      const file = bundle(2, 'log("version 2");');
      newFlash(file);
      assert.deepEqual(await said({ powerOn: "asvmsr", reset: "asx" }), [
        "version 1",
        "start undefined",
        "shipped | other slot 0 | 1 confirmed bootable | 2",
        `verified ${file.length} ${createHash("sha256").update(file).digest("hex")}`,
        "mark done",
        "shipped | other slot 0 | 1 confirmed bootable | 2 pending bootable",
        "version 2",
        "start undefined",
        "trial | other slot 1 | 2 bootable | 1 confirmed bootable",
      ]);
      assert.deepEqual(await said({ powerOn: "asx" }), [
        `${ENDED} the camera was reset before it was confirmed`,
        "version 1",
        "start undefined",
        "shipped | other slot 0 | 1 confirmed bootable | 2 | the camera was reset before it was confirmed",
      ]);
    });

    it("says which start is a trial's, and no other", async () => {
      newFlash(bundle(2, 'log("version 2");'));
      const { lines } = await runWith({ powerOn: "vmr", reset: "x" });
      const isTrial = (line: string): boolean => /on trial$/.test(line);
      assert.deepEqual(lines.filter(isTrial), ["info: update: slot 0 is on trial"]);
      assert.ok(lines.findIndex(isTrial) > lines.indexOf("info: mark done"), lines.join("\n"));
      assert.ok(!(await runWith({ powerOn: "x" })).lines.some(isTrial));
    });

    it("keeps a trial that is confirmed, by the application too", async () => {
      newFlash(bundle(2, 'log("version 2"); confirm();'));
      const lines = await said({ powerOn: "vmr", reset: "asx" });
      assert.equal(lines.at(-1), "confirmed | other slot 1 | 2 confirmed bootable | -");
      assert.equal((await said({ powerOn: "asx" })).at(-1), lines.at(-1));
      // The next one goes to the other slot, and the counter has risen.
      put(1, bundle(3, 'log("version 3");', 1));
      assert.match(
        (await said({ powerOn: "vx" })).at(-1)!,
        /^verified downgrade: has a lower security counter/,
      );
      put(1, bundle(3, 'log("version 3");'));
      assert.equal(
        (await said({ powerOn: "vmr", reset: "acsx" })).at(-1),
        "confirmed | other slot 0 | 3 confirmed bootable | 2",
      );
    });

    it("goes on with a trial after deep sleep", async () => {
      newFlash(bundle(2, 'log("version 2");'));
      const letters = { powerOn: "vmr", reset: "az", wake: "asx" };
      assert.deepEqual((await said(letters, "--window-ms", "0")).slice(-4), [
        "start undefined",
        "version 2",
        "start undefined",
        "trial | other slot 1 | 2 bootable | 1 confirmed bootable",
      ]);
    });

    it("puts a sleep off while it has to stay within reach: without the application, on trial all the same", async () => {
      newFlash(bundle(2, 'log("version 2");'));
      // The first "az" is the trial's, the second that of the start in its place, whose sleep is one.
      const letters = { powerOn: "vmr", reset: "asz", wake: "asx" };
      assert.deepEqual((await said(letters, "--window-ms", "60000")).slice(-7), [
        "start undefined",
        "trial | other slot 1 | 2 bootable | 1 confirmed bootable",
        "start Error: the application sleeps",
        "trial | other slot 1 | 2 bootable | 1 confirmed bootable | timer",
        "version 2",
        "start undefined",
        "trial | other slot 1 | 2 bootable | 1 confirmed bootable",
      ]);
    });

    it("puts no sleep off once that time has passed", async () => {
      newFlash(bundle(2, 'log("version 2");'));
      const lines = await said({ powerOn: "uuuuuuaz", wake: "asx" }, "--window-ms", "20");
      assert.deepEqual(lines.slice(-3, -1), ["version 1", "start undefined"]);
    });

    it("ends a trial that nobody confirms in time, whatever the application does", async () => {
      newFlash(bundle(2, 'log("version 2");'));
      const lines = await said({ powerOn: "vmr", reset: "asx" }, "--trial-ms", "1");
      assert.ok(lines.includes(`${ENDED} nobody confirmed it in time`), lines.join("\n"));
      assert.equal(
        lines.at(-1),
        "shipped | other slot 0 | 1 confirmed bootable | 2 | nobody confirmed it in time",
      );
    });

    it("confirms by itself what was marked as permanent, once it has run for a while", async () => {
      newFlash(bundle(2, 'log("version 2");'));
      const lines = await said({ powerOn: "vpsr", reset: `aqs${"u".repeat(20)}sx` }, "--trial-ms", "100");
      assert.ok(
        lines.includes("shipped | other slot 0 | 1 confirmed bootable | 2 pending permanent bootable"),
      );
      assert.ok(
        lines.includes("update: the trial is confirmed: it runs without a failure"),
        lines.join("\n"),
      );
      assert.equal(lines.at(-1), "confirmed | other slot 1 | 2 confirmed bootable | -");
    });

    const UNREACHED = "nobody could have connected to the camera while it ran";

    it("goes back from what was marked as permanent when nobody could have connected to it", async () => {
      newFlash(bundle(2, 'log("version 2");'));
      const lines = await said(
        { powerOn: "vpr", reset: `a${"u".repeat(20)}${"s".repeat(10)}x` },
        ...["--trial-ms", "50", "--max-resets", "3"],
      );
      assert.ok(lines.includes(`${ENDED} ${UNREACHED}`), lines.join("\n"));
      assert.doesNotMatch(lines.join("\n"), /the trial is confirmed/);
      assert.equal(lines.at(-1), `shipped | other slot 0 | 1 confirmed bootable | 2 | ${UNREACHED}`);
    });

    it("confirms what was marked as permanent late, once somebody could have connected to it", async () => {
      newFlash(bundle(2, 'log("version 2");'));
      // The part of the trial that is enough otherwise is over long before.
      const reset = `a${"u".repeat(20)}squuusx`;
      const lines = await said({ powerOn: "vpr", reset }, "--trial-ms", "400");
      const onTrial = lines.indexOf("trial | other slot 1 | 2 bootable | 1 confirmed bootable");
      assert.ok(onTrial > 0, lines.join("\n"));
      assert.ok(lines.indexOf("update: the trial is confirmed: it runs without a failure") > onTrial);
      assert.equal(lines.at(-1), "confirmed | other slot 1 | 2 confirmed bootable | -");
    });

    it("keeps over deep sleep that somebody could have connected to what was marked as permanent", async () => {
      for (const [letter, end] of [
        ["q", "confirmed | other slot 1 | 2 confirmed bootable | -"],
        ["u", "trial | other slot 1 | 2 bootable | 1 confirmed bootable"],
      ] as const) {
        newFlash(bundle(2, 'log("version 2");'));
        const letters = { powerOn: "vpr", reset: `a${letter}z`, wake: `a${"u".repeat(20)}sx` };
        const lines = await said(letters, "--window-ms", "0", "--trial-ms", letter === "q" ? "400" : "60000");
        assert.equal(lines.at(-1), end, lines.join("\n"));
      }
    });

    it("forgets with the controller that somebody could have connected to what was marked as permanent", async () => {
      newFlash(bundle(2, 'log("version 2"); say("o");'));
      const lines = await said(
        // Longer than the part of the trial that is enough otherwise.
        { powerOn: "vpr", reset: `a${"d".repeat(12)}sx` },
        ...["--trial-ms", "5000", "--max-resets", "3"],
      );
      assert.ok(lines.some((line) => line.includes("after a loss of the Bluetooth controller")));
      assert.equal(lines.at(-1), "trial | other slot 1 | 2 bootable | 1 confirmed bootable");
    });

    for (const [what, source, why] of [
      ["throws", 'throw new Error("no sensor");', "it failed before it was confirmed"],
      ["hangs", "for (;;);", "it hung, and the watchdog reset the camera"],
      [
        "exhausts the heap",
        "const all = []; for (;;) all.push(new Uint8Array(1000));",
        "it failed before it was confirmed",
      ],
      ["has no import", 'import { nothing } from "camera"; nothing();', "it failed before it was confirmed"],
      [
        "exhausts the stack",
        "const deep = (n) => 1 + deep(n + 1); deep(0);",
        "it failed before it was confirmed",
      ],
    ] as const) {
      it(`goes back from a version that ${what}`, async () => {
        newFlash(bundle(2, source));
        const lines = await said(
          { powerOn: "vmr", reset: "asx" },
          "--watchdog-ms",
          "300",
          "--growth",
          "100000",
        );
        assert.ok(lines.includes(`${ENDED} ${why}`), lines.join("\n"));
        assert.equal(lines.at(-1), `shipped | other slot 0 | 1 confirmed bootable | 2 | ${why}`);
      });
    }

    it("refuses what is not for this camera, with a code for each reason", async () => {
      bundle(2, "1;");
      const xsb = readFileSync(scene.bench.path("app.xsb"));
      const signedFor = (board: string, container: Uint8Array = xsb) => {
        const body = makeBody(Buffer.from(container), "it", { board, counter: 0 });
        return signBody(body, parseVersion("2.0.0"), readSigningKey(developmentKeyFile));
      };
      const other = (at: number): Buffer => {
        const copy = Buffer.from(xsb);
        copy[at]! ^= 1;
        return copy;
      };
      for (const [bytes, code] of [
        [xsb, "not-a-bundle"],
        [signedFor("mps2-an500"), "wrong-board"],
        [signedFor("host", other(8)), "wrong-engine"],
        [signedFor("host", other(16)), "wrong-interface"],
        [signedFor("host", other(51)), "malformed"],
        [signedFor("host").subarray(0, -80), "malformed"],
      ] as const) {
        newFlash(bytes);
        const [verified, mark] = await said({ powerOn: "vmx" });
        assert.match(verified!, new RegExp(`^verified ${code}: `));
        assert.equal(mark, "mark Error: updateMark: what is in the slot has not been verified");
      }
    });

    it("puts sleep off for five minutes after power-on or a reset, whatever fails meanwhile", async () => {
      newFlash(bundle(2, "1;"));
      assert.deepEqual(await said({ powerOn: "wr", reset: "wx" }), ["window 5", "window 5"]);
      for (const source of ['throw new Error("broken");', "for (;;);"]) {
        shipped = copyOf(bundle(1, source));
        const lines = await said({ powerOn: "wa", reset: "wx" }, "--watchdog-ms", "300");
        shipped = copyOf(bundle(1, 'log("version 1");'));
        assert.deepEqual(
          lines.filter((line) => line.startsWith("window")),
          ["window 5", "window 5"],
        );
      }
    });

    it("keeps the window for pairing through failures, hangs, resets and sleep, and closed once it is taken", async () => {
      newFlash(bundle(2, "1;"));
      for (const [end, source] of [
        ["a", 'throw new Error("broken");'],
        ["a", 'say("f"); throw new Error("no controller");'],
        ["a", "for (;;);"],
        ["r", "1;"],
        ["z", "1;"],
      ] as const) {
        for (const [taken, minutes] of [
          ["", 5],
          ["n", 0],
        ] as const) {
          shipped = copyOf(bundle(1, source));
          // Twice over: a sleep is put off first, and its start in place ends with the sleep.
          const letters = { powerOn: `y${taken}${end}`, reset: `y${end === "z" ? "z" : "x"}`, wake: "yx" };
          const lines = await said(letters, "--watchdog-ms", "300");
          shipped = copyOf(bundle(1, 'log("version 1");'));
          const after = new Array<string>(end === "z" ? 2 : 1).fill(`pairing ${minutes}`);
          assert.deepEqual(
            lines.filter((line) => line.startsWith("pairing")),
            ["pairing 5", ...after],
            `${end} ${source}`,
          );
        }
      }
      // And in the recovery service, which comes after the third failure.
      shipped = copyOf(bundle(1, 'throw new Error("broken");'));
      const lines = await said({ powerOn: "a", reset: "asyx" });
      shipped = copyOf(bundle(1, 'log("version 1");'));
      assert.deepEqual(lines.slice(-2), ["recovery | other slot 0 | - | 2", "pairing 5"]);
    });

    it("keeps what was confirmed, and the counter, when the same bundle is uploaded and tried again", async () => {
      const file = bundle(2, 'log("version 2");', 7);
      newFlash(file);
      await said({ powerOn: "vmr", reset: "cx" });
      put(1, file);
      const confirmed = "confirmed | other slot 1 | 2 confirmed bootable";
      const tried = await said({ powerOn: "vmr", reset: "sx" });
      assert.ok(tried.includes("trial | other slot 0 | 2 bootable | 2 confirmed bootable"), tried.join("\n"));
      const [ended, ...back] = await said({ powerOn: "asx" });
      assert.match(ended!, /the trial of slot 1 has ended: the camera was reset/);
      assert.ok(back.at(-1)!.startsWith(confirmed), back.at(-1));
      // The counter is still its own: one below is refused, the same is not.
      put(1, bundle(3, "1;", 6));
      assert.match((await said({ powerOn: "vx" })).at(-1)!, /^verified downgrade/);
      put(1, bundle(3, "1;", 7));
      assert.match((await said({ powerOn: "vx" })).at(-1)!, /^verified \d/);
    });

    it("starts nothing that took the place of what was marked or confirmed, though it be signed", async () => {
      const good = bundle(2, 'log("version 2");', 5);
      const xsb = readFileSync(scene.bench.path("app.xsb"));
      const other = (at: number): Buffer => {
        const copy = Buffer.from(xsb);
        copy[at]! ^= 1;
        return copy;
      };
      const signed = (container: Uint8Array, counter = 5, board = "host", key = developmentKeyFile) =>
        signBody(
          makeBody(Buffer.from(container), "it", { board, counter }),
          parseVersion("2.0.0"),
          readSigningKey(key),
        );
      const { privateKey } = generateKeyPairSync("ed25519");
      const strange = copyOf(Buffer.from(privateKey.export({ type: "pkcs8", format: "pem" })));
      for (const [bytes, why] of [
        [signed(xsb, 5, "host", strange), "is signed with a key that this camera does not trust"],
        [signed(xsb, 5, "mps2-an500"), "is for another board"],
        [signed(other(8)), "was compiled for another version of the XS engine"],
        [signed(other(16)), "was compiled for another native interface"],
        [signed(xsb, 4), "has a lower security counter than this camera has confirmed"],
        [signed(xsb, 6), "is another one than was"],
      ] as const) {
        newFlash(good);
        await said({ powerOn: "vmr", reset: "cx" });
        put(0, bytes);
        const [confirmed, instead, started] = await said({ powerOn: "ax" });
        assert.ok(confirmed!.startsWith(`warning: update: the confirmed bundle ${why}`), confirmed);
        assert.deepEqual(
          [instead, started],
          ["warning: update: starting the application of the image", "version 1"],
        );
        // The next one, marked for a trial.
        newFlash(good);
        await said({ powerOn: "vmr", reset: "cx" });
        put(1, bundle(3, 'log("version 3");', 5));
        await said({ powerOn: "vmx" });
        put(1, bytes);
        const [ended, goesOn] = await said({ powerOn: "ax" });
        assert.ok(
          ended!.startsWith(`warning: update: the trial of slot 1 has ended: its bundle ${why}`),
          ended,
        );
        assert.equal(goesOn, "version 2");
      }
    });

    it("goes on with a trial whatever is marked or taken back in it, and ends it with a reset", async () => {
      newFlash(bundle(2, 'log("version 2");'));
      await said({ powerOn: "vmr", reset: "cx" });
      put(1, bundle(3, 'log("version 3");'));
      const lines = await said({ powerOn: "vmr", reset: "avmputsx" });
      const refusal = "no-free-slot: a trial is running; confirm it, or reset the camera";
      assert.deepEqual(lines.slice(-5), [
        `mark ${refusal}`,
        `mark ${refusal}`,
        "unmark done",
        `touch ${refusal}`,
        "trial | other slot 0 | 3 bootable | 2 confirmed bootable",
      ]);
      const back = await said({ powerOn: "asx" });
      assert.match(back[0]!, /the trial of slot 1 has ended: the camera was reset before it was confirmed/);
      assert.ok(back.at(-1)!.startsWith("confirmed | other slot 1 | 2 confirmed bootable | 3"), back.at(-1));
    });

    it("marks only what has been verified and not touched since, and lets nothing be written that is in use", async () => {
      newFlash(bundle(2, "1;"));
      assert.deepEqual(
        (await said({ powerOn: "mvtmvmtumx" })).filter((line) => !line.startsWith("verified")),
        [
          "mark Error: updateMark: what is in the slot has not been verified",
          "touch done",
          "mark Error: updateMark: what is in the slot has not been verified",
          "mark done",
          "touch no-free-slot: this bundle is marked for a trial; take the mark back first",
          "unmark done",
          "mark done",
        ],
      );
      assert.deepEqual((await said({ powerOn: "tx" })).slice(-1), [
        "touch no-free-slot: a trial is running; confirm it, or reset the camera",
      ]);
    });

    // What follows starts many processes, and its C runs with sanitizers in host-tests/unit/update too.
    if (scene.sanitize) return;

    it("leaves the application out once after three failed starts in a row, for the recovery service", async () => {
      newFlash(bundle(2, 'log("version 2"); confirm();'));
      await said({ powerOn: "vmr", reset: "acx" });
      const failing = bundle(3, 'throw new Error("broken");');
      put(1, failing);
      // Confirmed in spite of it, and then it fails.
      await said({ powerOn: "vmr", reset: "cx" });
      const lines = await said({ powerOn: "a", reset: "asx" }, "--trial-ms", "60000", "--max-resets", "9");
      assert.equal(lines.filter((line) => line.includes("broken")).length, 3, lines.join("\n"));
      assert.deepEqual(lines.slice(-2), [
        "start Error: the application has failed 3 times in a row: the recovery service runs",
        "recovery | other slot 0 | - | 2",
      ]);
    });

    it("leaves a confirmed application out that never lets go of the processor, after three watchdog resets", async () => {
      newFlash(bundle(2, "for (;;);"));
      // Confirmed without having run.
      await said({ powerOn: "vmr", reset: "cx" });
      const lines = await said({ powerOn: "a", reset: "asx" }, "--watchdog-ms", "300", "--max-resets", "9");
      assert.equal(lines.filter((line) => line.includes("fatal: watchdog")).length, 3, lines.join("\n"));
      assert.deepEqual(lines.slice(-2), [
        "start Error: the application has failed 3 times in a row: the recovery service runs",
        "recovery | other slot 1 | - | -",
      ]);
    });

    it("does not count a start that ends with the controller, and pauses before the next", async () => {
      newFlash(bundle(2, "1;"));
      shipped = copyOf(bundle(1, 'say("f"); throw new Error("no controller");'));
      const { lines } = await runWith({ powerOn: "a", reset: "a" }, "--max-resets", "4");
      shipped = copyOf(bundle(1, 'log("version 1");'));
      assert.doesNotMatch(lines.join("\n"), /recovery service/);
      const pause = (_: unknown, index: number): string =>
        `warning: restarted after a loss of the Bluetooth controller, failure ${index + 1} in a row: pausing ${250 * 2 ** index} ms`;
      assert.deepEqual(
        lines.filter((line) => line.includes("restarted after")),
        Array.from({ length: 4 }, pause),
      );
    });

    it("counts the application's own failures beside those of the controller", async () => {
      newFlash(bundle(2, "1;"));
      // The second and the fourth of them are the controller's.
      shipped = copyOf(bundle(1, 'say("k"); throw new Error("one of the two");'));
      const args = ["--trial-ms", "50", "--max-resets", "6"];
      const { lines } = await runWith({ powerOn: "a", reset: "a" }, ...args);
      shipped = copyOf(bundle(1, 'log("version 1");'));
      const text = lines.join("\n");
      assert.match(
        text,
        /failure 2 in a row: pausing 500 ms(?:.|\n)*failed 3 times in a row: the recovery service/,
      );
      assert.equal(text.match(/after a loss of the Bluetooth controller/g)?.length, 2, text);
    });

    it("goes on with a trial when the controller fails, until its time is over", async () => {
      newFlash(bundle(2, 'log("version 2"); say("f"); throw new Error("no controller");'));
      const { lines } = await runWith(
        { powerOn: "vmr", reset: "asx" },
        "--trial-ms",
        "1500",
        "--max-resets",
        "8",
      );
      const text = lines.join("\n");
      assert.ok(text.match(/version 2/g)!.length >= 3, text);
      assert.match(text, /the trial of slot 0 has ended: nobody confirmed it in time/);
      assert.match(text, /version 1/);
      assert.equal(text.match(/the trial of slot 0 has ended/g)?.length, 1, text);
    });

    it("does not confirm a permanent trial in whose time the controller did not work", async () => {
      newFlash(bundle(2, 'log("version 2"); say("f"); throw new Error("no controller");'));
      const { lines } = await runWith(
        { powerOn: "vpr", reset: "asx" },
        "--trial-ms",
        "1500",
        "--max-resets",
        "8",
      );
      const text = lines.join("\n");
      assert.doesNotMatch(text, /the trial is confirmed/);
      assert.match(text, /the trial of slot 0 has ended: nobody confirmed it in time/);
    });

    it("leaves the recovery service for the application after a while", async () => {
      newFlash(bundle(2, "1;"));
      shipped = copyOf(bundle(1, 'throw new Error("broken");'));
      const { lines, status } = await runWith(
        { reset: "a", powerOn: "a" },
        "--trial-ms",
        "50",
        "--max-resets",
        "5",
      );
      shipped = copyOf(bundle(1, 'log("version 1");'));
      assert.equal(status, 3);
      const says = (text: string): number => lines.filter((line) => line.includes(text)).length;
      assert.equal(says("the recovery service ends: trying the application again"), 1, lines.join("\n"));
      assert.ok(says("broken") >= 5, lines.join("\n"));
    });

    const COUNTED = ["--power-on-ms", "60000"];
    const RECOVERS =
      "start Error: power has come 3 times in a row for less than 60 s: the recovery service runs";

    for (const [what, source, ...args] of [
      ["that works", 'log("version 1");'],
      ["that throws", 'throw new Error("broken");', "--max-resets", "1"],
      ["that loses the controller", 'say("f"); throw new Error("none");', "--max-resets", "1"],
      ["that never lets go of the processor", "for (;;);", "--watchdog-ms", "300", "--max-resets", "0"],
      [
        "that exhausts the heap",
        "const all = []; for (;;) all.push([all]);",
        "--growth",
        "100000",
        "--max-resets",
        "1",
      ],
      ["that sleeps at once", 'say("z");', "--max-resets", "1"],
      ["that resets the camera", 'say("r");', "--max-resets", "2"],
    ] as const) {
      it(`runs the recovery service after three power-ons in a row, in place of an application ${what}`, async () => {
        newFlash(bundle(2, "1;"));
        const good = shipped;
        shipped = copyOf(bundle(1, source));
        for (let times = 0; times < 2; times++) {
          const { lines } = await runWith({ powerOn: "ax", reset: "ax" }, ...COUNTED, ...args);
          assert.doesNotMatch(lines.join("\n"), /the recovery service runs/, what);
        }
        const lines = await said({ powerOn: "asyx" }, ...COUNTED);
        assert.deepEqual(lines, [RECOVERS, "recovery | other slot 0 | - | 2", "pairing 5"]);
        // And twice more for those who hung before; then the camera comes back by itself.
        for (const count of [4, 5])
          assert.equal((await said({ powerOn: "asx" }, ...COUNTED))[0], RECOVERS.replace("3", `${count}`));
        const again = await runWith({ powerOn: "ax", reset: "ax" }, ...COUNTED, ...args);
        assert.doesNotMatch(again.lines.join("\n"), /the recovery service runs/, what);
        shipped = good;
      });
    }

    it("has the third of three power-ons end in recovery after long ones of an application that never lets go", async () => {
      const good = shipped;
      for (const [before, resets, expected] of [
        [1, "0", "arr"],
        [2, "0", "rrr"],
        // The start that the watchdog brings finds that the camera has run for long enough.
        [2, "1", "aar"],
      ] as const) {
        newFlash(bundle(2, "1;"));
        shipped = copyOf(bundle(1, "for (;;);"));
        const long = ["--power-on-ms", "100", "--watchdog-ms", "400", "--max-resets", resets];
        for (let times = 0; times < before; times++)
          assert.doesNotMatch(
            (await runWith({ powerOn: "a", reset: "a" }, ...long)).lines.join("\n"),
            /the recovery service runs/,
          );
        shipped = good;
        let row = "";
        for (let times = 0; times < 3; times++)
          row += (await said({ powerOn: "ax" }, ...COUNTED))[0] === "version 1" ? "a" : "r";
        assert.equal(row, expected);
      }
    });

    it("ends the row with a start that lasts, and the recovery service after a while", async () => {
      newFlash(bundle(2, "1;"));
      const short = { powerOn: "ax" };
      for (const [letters, args] of [
        [short, COUNTED],
        [{ powerOn: `a${"u".repeat(30)}x` }, ["--power-on-ms", "20"]],
        [short, COUNTED],
        [short, COUNTED],
      ] as const)
        assert.deepEqual((await said(letters, ...args)).slice(0, 2), ["version 1", "start undefined"]);
      const { lines, status } = await runWith(
        { powerOn: "as", reset: "asx" },
        ...[...COUNTED, "--trial-ms", "1000", "--max-resets", "2"],
      );
      assert.equal(status, 0);
      const text = lines.join("\n");
      assert.match(
        text,
        /recovery \| other slot 0(?:.|\n)*the recovery service ends: trying the application again/,
      );
      assert.match(lines.at(-1)!, /^info: shipped/);
    });

    it("ends a trial, and takes a mark back, where power-ons lead to the recovery service, which takes an upload", async () => {
      for (const [letters, line, end] of [
        ["vmrx", "the trial of slot 1 has ended: the camera was reset before it was confirmed", undefined],
        ["vmx", "slot 1 is not tried: its mark is taken back", "mark done"],
      ] as const) {
        newFlash(bundle(2, 'log("version 2");'));
        await said({ powerOn: "vmr", reset: "cx" });
        put(1, bundle(3, 'log("version 3");'));
        await said({ powerOn: "x" }, ...COUNTED);
        await said({ powerOn: letters, reset: "ax" }, ...COUNTED);
        const lines = await said({ powerOn: "astvmr", reset: "asx" }, ...COUNTED);
        assert.ok(lines.includes(`warning: update: ${line}`), lines.join("\n"));
        assert.deepEqual(lines.slice(1, 4), [RECOVERS, lines[2], "touch done"]);
        assert.match(lines[2]!, /^recovery \| other slot 1 \| - \| 3/);
        if (end) assert.ok(lines.includes(end));
        // What is marked there is tried with the next start.
        assert.match(lines.at(-1)!, /^trial \| other slot 0 \| 3 bootable \| 2 confirmed/);
      }
    });

    it("without any application runs the recovery service, which takes one", async () => {
      newFlash(bundle(2, 'log("version 2"); confirm();'));
      setLetters({ powerOn: "asvmr", reset: "asx" });
      const { lines } = await run(image, ["--state", state]);
      assert.deepEqual(
        lines.filter((line) => /recovery|start|confirmed/.test(line)),
        [
          "info: start Error: there is no application",
          "info: recovery | other slot 0 | - | 2",
          "info: start undefined",
          "info: confirmed | other slot 1 | 2 confirmed bootable | -",
        ],
      );
    });

    it("refuses what is altered after the upload, after the mark, and after it was confirmed", async () => {
      const good = bundle(2, 'log("version 2");');
      const changes = [0, 9, 13, 21, 33, 60, 200, good.length - 140, good.length - 100, good.length - 1];
      for (const at of changes) {
        newFlash(good);
        flip(slotAt(0) + at);
        const [refused] = await said({ powerOn: "vmx" });
        assert.match(refused!, /^verified [a-z-]+: \w/, `byte ${at}`);
        assert.doesNotMatch(refused!, /^verified \d/);
      }
      for (const at of changes) {
        newFlash(good);
        await said({ powerOn: "vmx" });
        flip(slotAt(0) + at);
        const lines = await said({ powerOn: "asx" });
        assert.match(
          lines[0]!,
          /^warning: update: the trial of slot 0 has ended: its bundle \w/,
          `byte ${at}`,
        );
        assert.equal(lines[1], "version 1");
      }
      for (const at of changes) {
        newFlash(good);
        await said({ powerOn: "vmr", reset: "cx" });
        flip(slotAt(0) + at);
        const lines = await said({ powerOn: "ax" });
        assert.match(lines[0]!, /^warning: update: the confirmed bundle \w/, `byte ${at}`);
        assert.deepEqual(lines.slice(1, 3), [
          "warning: update: starting the application of the image",
          "version 1",
        ]);
      }
    });

    it("always starts something signed, and loses nothing confirmed, wherever the supply is cut", async () => {
      const second = bundle(2, 'log("version 2");');
      const third = bundle(3, 'log("version 3");');
      newFlash(second);
      await said({ powerOn: "vmr", reset: "cx" });
      put(1, third);
      const prepared = copyOf(readFileSync(state));
      // Marked, tried and confirmed; marked, tried and reverted.
      for (const reset of ["cx", "x"]) {
        let at = 0;
        for (let isCut = true; isCut; ) {
          at++;
          copyFileSync(prepared, state);
          const { status } = await runWith({ powerOn: "vmr", reset }, "--cut-at", String(at));
          assert.ok(status === 4 || status === 0, `cut at ${at}: status ${status}`);
          isCut = status === 4;
          let lines = await said({ powerOn: "asx" });
          if (/^trial/.test(lines.at(-1)!)) lines = await said({ powerOn: "asx" });
          assert.match(
            lines.at(-1)!,
            /^confirmed \| other slot [01] \| [23] confirmed bootable/,
            `cut at ${at}`,
          );
          if (reset === "x") assert.match(lines.at(-1)!, /^confirmed \| other slot 1 \| 2 /, `cut at ${at}`);
        }
        assert.ok(at > (reset === "x" ? 4 : 6), `${at - 1} operations of flash`);
      }
    });

    it("always starts something signed, and comes back from recovery, wherever power-ons are cut", async () => {
      newFlash(bundle(2, 'log("version 2");'));
      await said({ powerOn: "vmr", reset: "cx" });
      put(1, bundle(3, 'log("version 3");'));
      // As many power-ons in a row before: with two, the one that is cut leads to recovery.
      for (let before = 0; before < 3; before++) {
        if (before > 0) await said({ powerOn: "ax" }, ...COUNTED);
        const prepared = copyOf(readFileSync(state));
        let at = 0;
        for (let isCut = true; isCut; ) {
          at++;
          copyFileSync(prepared, state);
          const letters = { powerOn: `avm${"u".repeat(6)}x` };
          const { status } = await runWith(letters, "--power-on-ms", "25", "--cut-at", String(at));
          assert.ok(status === 4 || status === 0, `cut at ${at}: status ${status}`);
          isCut = status === 4;
          let row = "";
          for (let times = 0; times < 3; times++) {
            const last = (await said({ powerOn: "asx" }, ...COUNTED)).at(-1)!;
            if (!/^recovery/.test(last))
              assert.match(last, /^(confirmed|trial) \| other slot [01] \| [23] /, `cut at ${at}`);
            row += last[0] === "r" ? "r" : "a";
          }
          // The one that is cut and those before it may have been a row of none, one, two or three.
          assert.match(row, /^(aar|arr|rrr|rra)$/, `cut at ${at} of ${before}`);
          if (before < 2) assert.equal(row.at(-1), "r", `cut at ${at} of ${before}`);
          const last = (await said({ powerOn: "asx" })).at(-1)!;
          assert.match(last, /^confirmed \| other slot 1 \| 2 confirmed bootable/, `cut at ${at}`);
        }
        assert.ok(at > 4, `${at - 1} operations of flash`);
        copyFileSync(prepared, state);
      }
    });
  });
});
