/** What `--radio` may name, and what each choice asks of the computer. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { UsageError } from "../../../tools/events.ts";
import { parseRadio } from "../../../tools/session/radios/radio.ts";
import { piecesFor } from "../../../tools/setup.mjs";

describe("radios", () => {
  it("are known by name, or by the address of a controller", () => {
    assert.deepEqual(parseRadio("sim"), { kind: "sim" });
    assert.deepEqual(parseRadio("bumble"), { kind: "bumble" });
    for (const hci of ["tcp:127.0.0.1:6402", "unix:/run/controller"]) {
      assert.deepEqual(parseRadio(hci), { kind: "controller", hci });
    }
  });

  it("are listed for an unknown one", () => {
    for (const text of ["", "simulator", "tcp:127.0.0.1", "tcp:6402", "usb:0"]) {
      assert.throws(
        () => parseRadio(text),
        (error: unknown) =>
          error instanceof UsageError &&
          /Radios: sim, bumble, tcp:HOST:PORT, unix:PATH\./.test(error.message),
        text,
      );
    }
  });

  it("need Python only when they are Bumble's, and a cross compiler only for a board that has one", () => {
    assert.deepEqual(piecesFor("host", "sim"), ["native"]);
    assert.deepEqual(piecesFor("host", "controller"), ["native"]);
    assert.deepEqual(piecesFor("host", "bumble"), ["native", "python"]);
    assert.deepEqual(piecesFor("mps2-an500", "sim"), ["native", "cortex-m"]);
  });
});
