/**
 * `obscura deploy`, `--watch` and `logs` on the host board, with a camera whose applications go to deep sleep as soon as they have
 * started and never use the radio: the firmware alone keeps it within reach.
 */
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, afterEach, before, describe, it } from "mocha";
import { SeededRandom } from "../../simulator/random.ts";
import { type Built, build } from "../../tools/build/build.ts";
import { type Camera, startCamera } from "../../tools/camera/camera.ts";
import { cameraCommand } from "../../tools/camera/command.ts";
import { perform } from "../../tools/cli/perform.ts";
import { buildRoot } from "../../tools/paths.ts";
import { Program } from "../../tools/program.ts";
import { SimulatorServer } from "../../tools/radio/simulator-server.ts";
import { startBumble } from "../../tools/session/radios/bumble.ts";
import type { RadioChoice } from "../../tools/session/radios/radio.ts";
import { runSession } from "../../tools/session/session.ts";
import { type DeployOptions, deploy } from "../../tools/update/deploy.ts";
import { developmentKeyFile } from "../../tools/update/keys.ts";
import { logs } from "../../tools/update/logs.ts";
import { watchAndDeploy } from "../../tools/update/watch.ts";
import { Followed } from "./followed.ts";
import { obscura } from "./run.ts";

const SLEEPER = (version: string): string => `
import { deepSleep } from "power";
console.log("version ${version} sleeps");
await deepSleep({ durationMs: 600_000 });
`;

describe("obscura deploy and logs", function () {
  this.timeout(600_000);
  const folder = join(buildRoot, "test-deploy");
  // What is watched, and nothing else: the cameras' flash changes too.
  const main = join(folder, "application", "main.ts");
  const stops: (() => Promise<void>)[] = [];
  let built: Built;
  let camera: Camera;
  const lines: string[] = [];

  before(async () => {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(dirname(main), { recursive: true });
    writeFileSync(main, SLEEPER("1"));
    const first = await perform(build({ application: main, board: "host" }), () => undefined);
    // The next build puts another application in its place.
    const application = join(folder, "shipped");
    copyFileSync(first.application, application);
    built = { ...first, application };
  });
  afterEach(async function () {
    for (const stop of stops.splice(0).reverse()) await stop();
    if (this.currentTest?.state === "failed") process.stderr.write(`${lines.join("\n")}\n`);
    lines.length = 0;
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  async function start(hci: string, name: string): Promise<void> {
    const { application, board, image } = built;
    const state = join(folder, `${name}.state`);
    camera = await startCamera(board, { image, application, hci, state }, (line) => lines.push(line));
    stops.push(() => camera.stop());
  }

  const choose = (radio: RadioChoice, name: string, signal = new AbortController().signal) => ({
    ...{ radio, signal, bonds: join(folder, `${name}.json`) },
  });

  const options = (choice: ReturnType<typeof choose>): DeployOptions => ({
    ...{ ...choice, application: main, board: "host", manifest: "camera", key: developmentKeyFile },
    ...{ trialSeconds: 1, confirm: true },
  });

  it("--watch: each save is deployed, a build that fails and a camera that is gone are reported, Ctrl-C ends it", async () => {
    const server = new SimulatorServer();
    stops.push(() => server.close());
    const hci = await server.listen();
    await start(hci, "watched");
    writeFileSync(main, SLEEPER("2"));
    const interruption = new AbortController();
    const choice = choose({ kind: "controller", hci }, "watched", interruption.signal);
    const watching = new Followed(watchAndDeploy(options(choice)));
    await watching.says(/^confirm: /);
    await watching.says(/^Waiting for changes/);
    writeFileSync(main, "const version: number = 'three';");
    await watching.says(/^main\.ts has changed/);
    await watching.says(/failed: /);
    await watching.says(/^Waiting for changes/);
    await camera.stop();
    writeFileSync(main, SLEEPER("3"));
    await watching.says(/No camera [\da-f:]{17} was heard/);
    await watching.says(/^Waiting for changes/);
    await start(hci, "watched");
    writeFileSync(main, SLEEPER("4"));
    await watching.says(/^confirm: /);
    await watching.says(/^Waiting for changes/);
    interruption.abort(new Error("Ctrl-C"));
    await assert.rejects(watching.ended, /Ctrl-C/);
    const shown = new Followed(
      logs({ ...choose({ kind: "controller", hci }, "watched"), maps: [], once: true }),
    );
    await shown.says(/the application sleeps; the camera can be managed/);
    await shown.ended;
    const said = lines.filter((line) => /version \d|fail|fault/.test(line));
    assert.deepEqual(
      [...new Set(said)],
      ["info: version 1 sleeps", "info: version 2 sleeps", "info: version 4 sleeps"],
    );
  });

  it("run goes on when a version fails its trial, says so in one line, and runs the one before", async () => {
    writeFileSync(main, SLEEPER("1"));
    const interruption = new AbortController();
    const { signal } = interruption;
    const running = new Followed(
      runSession({ application: main, board: "host", radio: { kind: "sim" }, central: false, signal }),
    );
    await running.says(/A host of yours finds a controller at /);
    const hci = /at (tcp:\S+)\.( |$)/.exec(running.texts.at(-1)!)![1]!;
    await running.says(/^info: version 1 sleeps/);
    writeFileSync(main, 'throw new Error("health check");');
    const deployed = new Followed(deploy(options(choose({ kind: "controller", hci }, "run"))));
    await assert.rejects(deployed.ended, /The camera has gone back/);
    await running.says(
      /^The new version's trial has ended: it failed before .* \(The application failed: Error: health check, at .*main\.ts:1:\d+\)\. The camera goes on/,
    );
    await running.says(/^info: version 1 sleeps/);
    interruption.abort(new Error("Ctrl-C"));
    await assert.rejects(running.ended, /Ctrl-C/);
  });

  it("replaces an application that never lets go of the processor: the watchdog, recovery, the next version", async () => {
    const server = new SimulatorServer();
    stops.push(() => server.close());
    const hci = await server.listen();
    const { board, image } = built;
    writeFileSync(main, "console.log('version 1 loops'); for (;;);");
    const { application } = await perform(build({ application: main, board: "host" }), () => undefined);
    const loops = join(folder, "loops");
    copyFileSync(application, loops);
    const state = join(folder, "loops.state");
    const command = await cameraCommand(board, { image, application: loops, hci, state });
    const program = new Program("camera", [...command, "--watchdog-ms", "3000"], (line) => lines.push(line));
    stops.push(() => program.stop());
    writeFileSync(main, SLEEPER("7"));
    const choice = choose({ kind: "controller", hci }, "loops");
    while (!lines.some((line) => line.includes("waiting for an upload"))) {
      assert.ok(program.isRunning);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await perform(deploy(options(choice)), () => undefined);
    const said = lines.filter((line) => /version \d|fatal|in a row: the recovery/.test(line));
    const turn = [
      "info: version 1 loops",
      "fatal: watchdog: the firmware has not come back to its event loop",
    ];
    assert.deepEqual(said.slice(0, 7), [
      ...[...turn, ...turn, ...turn],
      "error: update: the application has failed 3 times in a row: the recovery service runs",
    ]);
    assert.ok(said.slice(7).every((line) => line === "info: version 7 sleeps"));
    assert.ok(said.length > 7);
  });

  it("replaces an application that calls stop() every 50 ms: three power-ons, recovery, the next version", async () => {
    const server = new SimulatorServer();
    stops.push(() => server.close());
    const hci = await server.listen();
    const { board, image } = built;
    writeFileSync(
      main,
      'import { stop } from "aioble"; console.log("version 1 stops"); setInterval(() => void stop().catch(() => {}), 50);',
    );
    const { application } = await perform(build({ application: main, board: "host" }), () => undefined);
    const stopper = join(folder, "stopper");
    copyFileSync(application, stopper);
    const state = join(folder, "stopper.state");
    const command = await cameraCommand(board, { image, application: stopper, hci, state });
    // However slow this computer is: less than that has passed.
    const powerOn = (): Program =>
      new Program("camera", [...command, "--power-on-ms", "600000"], (line) => lines.push(line));
    const says = async (text: string, count: number): Promise<void> => {
      while (lines.filter((line) => line.includes(text)).length < count)
        await new Promise((resolve) => setTimeout(resolve, 50));
    };
    for (const count of [1, 2]) {
      const camera = powerOn();
      await says("version 1 stops", count);
      await camera.stop();
    }
    const camera = powerOn();
    stops.push(() => camera.stop());
    await says("waiting for an upload", 1);
    writeFileSync(main, SLEEPER("9"));
    await perform(deploy(options(choose({ kind: "controller", hci }, "stopper"))), () => undefined);
    const said = lines.filter((line) => /version \d|in a row/.test(line));
    assert.deepEqual(said.slice(0, 4), [
      ...["info: version 1 stops", "info: version 1 stops"],
      "error: update: power has come 3 times in a row for less than 600 s: the recovery service runs",
      "info: version 9 sleeps",
    ]);
  });

  it("Ctrl-C in an upload ends it within a second or two with status 130, and the next deploy goes on from there", async () => {
    const server = new SimulatorServer();
    stops.push(() => server.close());
    const hci = await server.listen();
    const { application, board, image } = built;
    const state = join(folder, "interrupted.state");
    const command = await cameraCommand(board, { image, application, hci, state });
    // A flash that takes its time: some five seconds for the bundle.
    const program = new Program("camera", [...command, "--flash-ms", "12"], (line) => lines.push(line));
    stops.push(() => program.stop());
    const random = new SeededRandom(1);
    const text = Array.from({ length: 5000 }, () => random.below(1e9).toString(36)).join("");
    writeFileSync(main, `console.log("version 8 has", ${JSON.stringify(text)}.length);${SLEEPER("8")}`);
    const args = [main, "--board", "host", "--radio", hci, "--trial", "1", "--json"];
    const offsets = (output: string): number[] =>
      [...output.matchAll(/"step":"upload","done":(\d+)/g)].map((match) => Number(match[1]));
    const first = obscura("deploy", ...args);
    await first.saw(/"step":"upload","done":(?=\d{5})/);
    const before = performance.now();
    first.child.kill("SIGINT");
    assert.equal(await first.ended, 130, first.output());
    // In order: after ten seconds it would be ended in its middle, with the same status.
    assert.ok(performance.now() - before < 8000);
    assert.ok(offsets(first.output()).at(-1)! > 10_000);
    assert.doesNotMatch(first.output(), /step:fail|"step":"try"/);
    assert.match(first.output(), /^obscura: The camera has a part of the upload, and tries nothing: /m);
    assert.ok(program.isRunning);
    assert.ok(!lines.some((line) => line.includes("on trial")));
    const second = obscura("deploy", ...args);
    assert.equal(await second.ended, 0, second.output());
    const resumed = offsets(second.output());
    // The first answer says what is there: no less than the last checkpoint.
    assert.ok(
      resumed[0]! >= Math.floor(offsets(first.output()).at(-1)! / 16_384) * 16_384 && resumed[0]! > 0,
    );
    assert.match(second.output(), /"type":"step:done","step":"confirm"/);
    assert.ok(lines.some((line) => line === "info: version 8 sleeps"));
  });

  it("over rootcanal, through a transport that Bumble opens, and at the controller's own address", async () => {
    const air = await startBumble(folder, new AbortController().signal, true);
    stops.push(() => air.stop());
    await start(air.hci, "canal");
    writeFileSync(main, SLEEPER("5"));
    const transport = air.neighbour!.replace("tcp:", "tcp-client:");
    const deployed = new Followed(deploy(options(choose({ kind: "bridge", transport }, "canal"))));
    await deployed.says(/^upload: \d+ bytes/);
    await deployed.says(/^confirm: version .* stays/);
    await deployed.ended;
    const again = new Followed(deploy(options(choose({ kind: "controller", hci: air.neighbour! }, "canal"))));
    await again.says(/runs this version already/);
    await again.ended;
    const shown = new Followed(
      logs({ ...choose({ kind: "bridge", transport }, "canal"), maps: [], once: true }),
    );
    await shown.says(/the application sleeps; the camera can be managed/);
    await shown.ended;
    assert.ok(lines.includes("info: version 5 sleeps"), lines.join("\n"));
  });
});
