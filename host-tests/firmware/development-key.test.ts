/** An image for development says at every start, whatever begins it, that anybody can sign for it. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { after, before, describe, it } from "mocha";
import { build } from "../../tools/build/build.ts";
import { cameraCommand } from "../../tools/camera/command.ts";
import { perform } from "../../tools/cli/perform.ts";
import { Program } from "../../tools/program.ts";
import { Bench, run } from "./image.ts";
import { applicationOf, commands, STATE_BYTES, UPDATE_BYTES, writeLetters } from "./update-commands.ts";

const WARNING = "warning: this image trusts the development key: anybody can sign for it";

describe("an image for development", function () {
  this.timeout(600_000);
  let bench: Bench;

  before(async () => {
    bench = await Bench.open();
  });

  after(() => bench.dispose());

  it("says so once at each start, before the application: at power-on, after a reset, after deep sleep", async () => {
    const image = await bench.image("commands", commands);
    const source = applicationOf('log("version 1");');
    const application = bench.compile("application", "app", source, bench.path("commands.xsb"));
    const state = bench.path("state");
    const flash = Buffer.alloc(STATE_BYTES + UPDATE_BYTES, 0xff);
    writeLetters(flash, { powerOn: "ar", reset: "az", wake: "ax" });
    writeFileSync(state, flash);
    const start = ["--app", application, "--state", state, "--window-ms", "0", "--power-on-ms", "0"];
    for (let powerOns = 0; powerOns < 2; powerOns++) {
      const { lines, status } = await run(image, start);
      assert.equal(status, 0, lines.join("\n"));
      const said = lines.filter((line) => line === WARNING || line === "info: version 1");
      assert.deepEqual(said, [
        WARNING,
        "info: version 1",
        WARNING,
        "info: version 1",
        WARNING,
        "info: version 1",
      ]);
    }
  });

  it("says so in the recovery service too", async () => {
    const { board, image } = await perform(
      build({ application: "environment-sensor", board: "host" }),
      () => undefined,
    );
    const lines: string[] = [];
    let onLine: () => void = () => undefined;
    const program = new Program("camera", await cameraCommand(board, { image }), (line) => {
      lines.push(line);
      onLine();
    });
    try {
      await new Promise<void>((resolve) => {
        onLine = () => {
          if (lines.some((line) => line.endsWith("no application can run; waiting for an upload"))) resolve();
        };
        onLine();
        void program.exited.then(() => resolve());
      });
      assert.equal(
        lines.filter((line) =>
          line.endsWith("this image trusts the development key: anybody can sign for it"),
        ).length,
        1,
        lines.join("\n"),
      );
    } finally {
      await program.stop();
    }
  });
});
