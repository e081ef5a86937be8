/**
 * Updates on the host board: failures and power-ons that lead to the recovery service, and a supply that goes at each operation of
 * flash.
 */
import assert from "node:assert/strict";
import { copyFileSync, readFileSync } from "node:fs";
import { describe, it } from "mocha";
import { useCommandCamera } from "./command-camera.ts";
import { describeOnHost } from "./host-firmware.ts";
import { run } from "./image.ts";

describeOnHost((scene) => {
  // This starts many processes, and its C runs with sanitizers in host-tests/unit/update too.
  if (scene.sanitize) return;
  describe("updates", () => {
    const camera = useCommandCamera(scene);
    const { bundle, copyOf, newFlash, put, runWith, said, setLetters } = camera;

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
      camera.shipped = copyOf(bundle(1, 'say("f"); throw new Error("no controller");'));
      const { lines } = await runWith({ powerOn: "a", reset: "a" }, "--max-resets", "4");
      camera.shipped = copyOf(bundle(1, 'log("version 1");'));
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
      camera.shipped = copyOf(bundle(1, 'say("k"); throw new Error("one of the two");'));
      const args = ["--trial-ms", "50", "--max-resets", "6"];
      const { lines } = await runWith({ powerOn: "a", reset: "a" }, ...args);
      camera.shipped = copyOf(bundle(1, 'log("version 1");'));
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
      camera.shipped = copyOf(bundle(1, 'throw new Error("broken");'));
      const { lines, status } = await runWith(
        { reset: "a", powerOn: "a" },
        "--trial-ms",
        "50",
        "--max-resets",
        "5",
      );
      camera.shipped = copyOf(bundle(1, 'log("version 1");'));
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
        const good = camera.shipped;
        camera.shipped = copyOf(bundle(1, source));
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
        camera.shipped = good;
      });
    }

    it("has the third of three power-ons end in recovery after long ones of an application that never lets go", async () => {
      const good = camera.shipped;
      for (const [before, resets, expected] of [
        [1, "0", "arr"],
        [2, "0", "rrr"],
        // The start that the watchdog brings finds that the camera has run for long enough.
        [2, "1", "aar"],
      ] as const) {
        newFlash(bundle(2, "1;"));
        camera.shipped = copyOf(bundle(1, "for (;;);"));
        const long = ["--power-on-ms", "100", "--watchdog-ms", "400", "--max-resets", resets];
        for (let times = 0; times < before; times++)
          assert.doesNotMatch(
            (await runWith({ powerOn: "a", reset: "a" }, ...long)).lines.join("\n"),
            /the recovery service runs/,
          );
        camera.shipped = good;
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
      const { lines } = await run(camera.image, ["--state", camera.state]);
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

    it("always starts something signed, and loses nothing confirmed, wherever the supply is cut", async () => {
      const second = bundle(2, 'log("version 2");');
      const third = bundle(3, 'log("version 3");');
      newFlash(second);
      await said({ powerOn: "vmr", reset: "cx" });
      put(1, third);
      const prepared = copyOf(readFileSync(camera.state));
      // Marked, tried and confirmed; marked, tried and reverted.
      for (const reset of ["cx", "x"]) {
        let at = 0;
        for (let isCut = true; isCut; ) {
          at++;
          copyFileSync(prepared, camera.state);
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
        const prepared = copyOf(readFileSync(camera.state));
        let at = 0;
        for (let isCut = true; isCut; ) {
          at++;
          copyFileSync(prepared, camera.state);
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
        copyFileSync(prepared, camera.state);
      }
    });
  });
});
