/**
 * `obscura deploy --pair-anew` with an image for release on the host board: a camera and this computer that have lost what they
 * knew of each other, on either side.
 */
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "mocha";
import { type Camera, startCamera } from "../../tools/camera/camera.ts";
import { perform, reportFailure } from "../../tools/cli/perform.ts";
import { buildRoot } from "../../tools/paths.ts";
import { SimulatorServer } from "../../tools/radio/simulator-server.ts";
import { deploy } from "../../tools/update/deploy.ts";
import { logs } from "../../tools/update/logs.ts";
import { signApplication } from "../../tools/update/sign.ts";
import { buildRelease, type Release } from "../support/release.ts";
import { Followed } from "./followed.ts";

const ADVERTISES = `
import { advertise, security } from "aioble";
§
console.log("bonds:", security.bonds.size);
for (;;) await (await advertise({ intervalUs: 50_000, name: "camera" })).disconnected();
`;
const KEEPS = ADVERTISES.replace("§", "");
const FORGETS = ADVERTISES.replace("§", "security.bonds.clear();");

describe("obscura deploy --pair-anew (image for release)", function () {
  this.timeout(600_000);
  const folder = join(buildRoot, "test-deploy-keys");
  const bonds = join(folder, "bonds.json");
  const signal = new AbortController().signal;
  const lines: string[] = [];
  const stops: (() => Promise<void>)[] = [];
  let release: Release;
  let keeps = "";
  let forgets = "";

  before(async () => {
    rmSync(folder, { recursive: true, force: true });
    release = await buildRelease(sourceOf("keeps", KEEPS), "host");
    keeps = await sign("keeps", release.bytecode);
    forgets = await sign("forgets", sourceOf("forgets", FORGETS));
  });
  afterEach(async function () {
    for (const stop of stops.splice(0).reverse()) await stop();
    if (this.currentTest?.state === "failed") process.stderr.write(`${lines.join("\n")}\n`);
    lines.length = 0;
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  function sourceOf(name: string, text: string): string {
    const main = join(folder, name, "main.ts");
    mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(main, text);
    return main;
  }

  function sign(name: string, application: string): Promise<string> {
    const output = join(folder, `${name}.bin`);
    const options = { application, board: "host", manifest: "camera", key: release.key, output };
    return perform(signApplication({ ...options, version: "1.0.0" }), () => undefined);
  }

  interface Run {
    readonly status: number;
    readonly said: string;
  }

  /** Cameras of this air, each switched on anew by each call. */
  async function scene() {
    const server = new SimulatorServer();
    stops.push(() => server.close());
    const hci = await server.listen();
    // By its name it is found at once: nobody waits for others to be heard.
    const choice = { radio: { kind: "controller", hci }, camera: "camera", bonds, signal } as const;
    let camera: Camera | undefined;
    return {
      async powerOn(
        application = keeps,
        { name = "camera", windowMs }: { name?: string; windowMs?: number } = {},
      ) {
        await camera?.stop();
        const state = join(folder, `${name}.state`);
        const { board, image } = release;
        const options = { image, application, hci, state, ...(windowMs === undefined ? {} : { windowMs }) };
        camera = await startCamera(board, options, (line) => lines.push(line));
        const { stop } = camera;
        stops.push(stop);
      },
      /** Pairs where the camera wants that. */
      logs: () => perform(logs({ ...choice, maps: [], once: true }), () => undefined),
      /** `obscura deploy` of version 2. */
      async deploy(...flags: "--pair-anew"[]): Promise<Run> {
        const deployment = new Followed(
          deploy({
            ...{
              ...choice,
              application: release.bytecode,
              board: "host",
              manifest: "camera",
              version: "2.0.0",
            },
            ...{ key: release.key, trialSeconds: 0, confirm: true, pairAnew: flags.includes("--pair-anew") },
          }),
        );
        const status = await deployment.ended.then(() => 0, reportFailure);
        return { status, said: deployment.texts.join("\n") };
      },
    };
  }

  /** Names of the records of this computer's bonds. */
  const bondsHere = (): string[] =>
    Object.keys(JSON.parse(readFileSync(bonds, "utf8")) as object).filter((key) => key.startsWith("bond."));

  const refuses = ({ status, said }: Run, sentence: RegExp): void => {
    assert.equal(status, 1, said);
    assert.match(said, sentence);
    assert.doesNotMatch(said, /^(upload|try)/m);
  };

  it("a camera whose bond was deleted is refused in one sentence, and paired with anew by the option alone", async () => {
    const { deploy, logs, powerOn } = await scene();
    await powerOn(keeps, { name: "other" });
    await logs();
    await powerOn();
    await logs();
    assert.equal(bondsHere().length, 2);
    copyFileSync(bonds, join(folder, "earlier.json"));
    await powerOn(forgets);
    refuses(
      await deploy(),
      /^find failed: The camera has forgotten this computer, .* with --pair-anew within five minutes/m,
    );
    assert.deepEqual(readFileSync(bonds), readFileSync(join(folder, "earlier.json")), "nothing is deleted");
    const { status, said } = await deploy("--pair-anew");
    assert.equal(status, 0, said);
    assert.match(said, /^confirm: version 2\.0\.0 stays/m);
    // Of the camera that was found, and of no other.
    await powerOn(keeps, { name: "other", windowMs: 0 });
    await logs();
  });

  it("a camera that has another key is refused, and paired with anew by the option alone", async () => {
    const { deploy, powerOn } = await scene();
    copyFileSync(join(folder, "earlier.json"), bonds);
    await powerOn();
    // The camera's controller sees that first, and is silent from then on: this one has no more to go by.
    const ended =
      /^find failed: The link .* each time .*, the camera has another key .* with --pair-anew within/m;
    refuses(await deploy(), ended);
    const { status, said } = await deploy("--pair-anew");
    assert.equal(status, 0, said);
    assert.match(said, /^The camera runs this version already: 2\.0\.0\.$/m);
    // It has taken the place of the old bond.
    await powerOn(keeps, { windowMs: 0 });
    assert.equal((await deploy()).status, 0);
    const counts = lines.filter((line) => line.startsWith("info: bonds:"));
    assert.deepEqual(counts, ["info: bonds: 1", "info: bonds: 1"]);
  });

  it("outside of its window the camera refuses, this computer's bond is gone, and the next window takes it", async () => {
    const { deploy, powerOn } = await scene();
    await powerOn(keeps, { windowMs: 0 });
    const isClosed =
      /^find failed: The camera does not let this computer in: .* Switch the camera off and on/m;
    refuses(await deploy("--pair-anew"), isClosed);
    assert.equal(bondsHere().length, 1);
    refuses(await deploy(), isClosed);
    await powerOn();
    const { status, said } = await deploy("--pair-anew");
    assert.equal(status, 0, said);
    assert.equal(bondsHere().length, 2);
  });

  it("a camera that is met for the first time outside of its window takes the same bond in the next one", async () => {
    const { deploy, powerOn } = await scene();
    rmSync(bonds, { force: true });
    rmSync(join(folder, "camera.state"));
    await powerOn(keeps, { windowMs: 0 });
    const withoutRight =
      /^find failed: The camera is bonded with this computer, and does not let it manage: /m;
    refuses(await deploy(), withoutRight);
    refuses(await deploy(), withoutRight);
    assert.equal(bondsHere().length, 1);
    await powerOn();
    const { status, said } = await deploy();
    assert.equal(status, 0, said);
    await powerOn(keeps, { windowMs: 0 });
    assert.equal((await deploy()).status, 0, "from then on");
    const counts = lines.filter((line) => line.startsWith("info: bonds:"));
    assert.deepEqual(counts.slice(-2), ["info: bonds: 1", "info: bonds: 1"]);
  });
});
