/** Updates on the host board: what is not taken, not marked, and not started. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, it } from "mocha";
import { parseVersion, signBody } from "../../tools/update/format.ts";
import { developmentKeyFile, readSigningKey } from "../../tools/update/keys.ts";
import { makeBody } from "../../tools/update/manifest.ts";
import { useCommandCamera } from "./command-camera.ts";
import { describeOnHost } from "./host-firmware.ts";
import { slotAt } from "./update-commands.ts";

describeOnHost((scene) => {
  describe("updates", () => {
    const { bundle, copyOf, flip, newFlash, put, said } = useCommandCamera(scene);

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
  });
});
