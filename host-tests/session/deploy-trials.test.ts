/** `obscura deploy` and versions that are on trial on a camera of the host board: `--end-trial`, and what `--watch` ends by itself. */
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, afterEach, before, describe, it } from "mocha";
import { type Built, build } from "../../tools/build/build.ts";
import { type Camera, startCamera } from "../../tools/camera/camera.ts";
import { perform } from "../../tools/cli/perform.ts";
import { buildRoot } from "../../tools/paths.ts";
import { SimulatorServer } from "../../tools/radio/simulator-server.ts";
import { developmentKeyFile } from "../../tools/update/keys.ts";
import { watchAndDeploy } from "../../tools/update/watch.ts";
import { Followed } from "./followed.ts";
import { obscura } from "./run.ts";

const VERSION = (version: number): string => `
import { advertise } from "aioble";
console.log("version ${version} runs");
for (;;) await (await advertise({ intervalUs: 50_000, name: "camera" })).disconnected();
`;

const ON_TRIAL =
  /A version is on trial on the camera, which takes no other meanwhile: --end-trial resets the camera/;

describe("obscura deploy, and a trial that runs", function () {
  this.timeout(600_000);
  const folder = join(buildRoot, "test-deploy-trials");
  // What is watched, and nothing else: the camera's flash changes too.
  const main = join(folder, "application", "main.ts");
  const server = new SimulatorServer();
  const lines: string[] = [];
  let built: Built;
  let hci = "";
  let camera: Camera | undefined;

  before(async () => {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(dirname(main), { recursive: true });
    save(1);
    const first = await perform(build({ application: main, board: "host" }), () => undefined);
    // The next build puts another application in its place.
    const application = join(folder, "shipped");
    copyFileSync(first.application, application);
    built = { ...first, application };
    hci = await server.listen();
    await powerOn();
  });
  afterEach(function () {
    if (this.currentTest?.state === "failed") process.stderr.write(`${lines.join("\n")}\n`);
  });
  after(async () => {
    await camera?.stop();
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const save = (version: number): void => writeFileSync(main, VERSION(version));

  /** Switches the camera off and on. */
  async function powerOn(): Promise<void> {
    await camera?.stop();
    const { application, board, image } = built;
    camera = await startCamera(board, { image, application, hci, state: join(folder, "state") }, (line) =>
      lines.push(line),
    );
  }

  /** `obscura deploy`, as a person calls it: its exit status, and what it prints. */
  async function deploy(...flags: string[]): Promise<{ status: number | null; output: string }> {
    const args = [
      main,
      "--board",
      "host",
      "--radio",
      hci,
      "--camera",
      "camera",
      "--trial",
      "0",
      "--json",
      ...flags,
    ];
    const session = obscura("deploy", ...args);
    return { status: await session.ended, output: session.output() };
  }

  /** Numbers of the versions that have run so far, in their order. */
  const ran = (): string => lines.flatMap((line) => /version (\d) runs/.exec(line)?.[1] ?? []).join("");

  it("--end-trial where none runs resets nothing first", async () => {
    save(2);
    const { status, output } = await deploy("--end-trial", "--no-confirm");
    assert.equal(status, 0, output);
    assert.doesNotMatch(output, /"step":"end-trial"/);
    assert.match(output, /"step":"confirm",.* unless it is confirmed, the next reset ends it/);
  });

  it("without the option another version is refused, and the trial goes on", async () => {
    save(3);
    const { status, output } = await deploy();
    assert.equal(status, 1, output);
    assert.match(output, ON_TRIAL);
    assert.equal(ran(), "12");
  });

  it("--end-trial resets the camera, which is back with the version before, and takes the new one", async () => {
    const { status, output } = await deploy("--end-trial", "--no-confirm");
    assert.equal(status, 0, output);
    assert.match(output, /"type":"step:done","step":"end-trial",.*"version 0\.0\.0 runs"/);
    assert.equal(ran(), "1213");
  });

  it("--watch ends the trials that it has begun, and nobody else's", async () => {
    const interruption = new AbortController();
    const watching = new Followed(
      watchAndDeploy({
        ...{ application: main, board: "host", manifest: "camera", key: developmentKeyFile },
        ...{ radio: { kind: "controller", hci }, camera: "camera", bonds: join(folder, "bonds.json") },
        ...{ trialSeconds: 0, confirm: false, signal: interruption.signal },
      }),
    );
    save(4);
    await watching.says(ON_TRIAL);
    await watching.says(/^Waiting for changes/);
    // That ends the trial of version 3.
    await powerOn();
    save(5);
    await watching.says(/^confirm: .* the next reset ends it/);
    await watching.says(/^Waiting for changes/);
    save(6);
    await watching.says(/^end-trial: version 0\.0\.0 runs/);
    await watching.says(/^confirm: .* the next reset ends it/);
    await watching.says(/^Waiting for changes/);
    interruption.abort(new Error("Ctrl-C"));
    await assert.rejects(watching.ended, /Ctrl-C/);
    assert.equal(ran(), "12131516");
  });
});
