/** Updates on the host board: what starts, trials and their ends, and the windows beside them. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "mocha";
import { ENDED, useCommandCamera } from "./command-camera.ts";
import { describeOnHost } from "./host-firmware.ts";

describeOnHost((scene) => {
  describe("updates", () => {
    const camera = useCommandCamera(scene);
    const { bundle, copyOf, newFlash, put, runWith, said } = camera;

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

    it("puts sleep off for five minutes after power-on or a reset, whatever fails meanwhile", async () => {
      newFlash(bundle(2, "1;"));
      assert.deepEqual(await said({ powerOn: "wr", reset: "wx" }), ["window 5", "window 5"]);
      for (const source of ['throw new Error("broken");', "for (;;);"]) {
        camera.shipped = copyOf(bundle(1, source));
        const lines = await said({ powerOn: "wa", reset: "wx" }, "--watchdog-ms", "300");
        camera.shipped = copyOf(bundle(1, 'log("version 1");'));
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
          camera.shipped = copyOf(bundle(1, source));
          // Twice over: a sleep is put off first, and its start in place ends with the sleep.
          const letters = { powerOn: `y${taken}${end}`, reset: `y${end === "z" ? "z" : "x"}`, wake: "yx" };
          const lines = await said(letters, "--watchdog-ms", "300");
          camera.shipped = copyOf(bundle(1, 'log("version 1");'));
          const after = new Array<string>(end === "z" ? 2 : 1).fill(`pairing ${minutes}`);
          assert.deepEqual(
            lines.filter((line) => line.startsWith("pairing")),
            ["pairing 5", ...after],
            `${end} ${source}`,
          );
        }
      }
      // And in the recovery service, which comes after the third failure.
      camera.shipped = copyOf(bundle(1, 'throw new Error("broken");'));
      const lines = await said({ powerOn: "a", reset: "asyx" });
      camera.shipped = copyOf(bundle(1, 'log("version 1");'));
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
  });
});
