/**
 * Clients that we did not write update a camera over rootcanal: smpclient on Bumble, paired and encrypted, and mcumgr-toolkit
 * through a relay. The image is one for release: it trusts a key of the test, and is open to nobody who has not paired.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "mocha";
import type { Board } from "../../tools/build/boards.ts";
import { build } from "../../tools/build/build.ts";
import { startCamera } from "../../tools/camera/camera.ts";
import { perform } from "../../tools/cli/perform.ts";
import type { Operation } from "../../tools/events.ts";
import { buildRoot, clientProgram, root } from "../../tools/paths.ts";
import { Program } from "../../tools/program.ts";
import { startBumble } from "../../tools/session/radios/bumble.ts";
import { deploy } from "../../tools/update/deploy.ts";
import { signApplication } from "../../tools/update/sign.ts";
import { buildRelease } from "../support/release.ts";
import { thorough } from "../support/thorough.ts";

const BUILD_MS = 600_000;
const UPDATE_MS = 400_000;
const APPLICATION = "environment-sensor";
const NAME = "obscura-env";

/** By the clock of this computer, and so never asserted: in the output of the tests. */
const report = (text: string): void => void process.stdout.write(`      ${text}\n`);

/** What an operation returns. */
const outcome = <T>(operation: Operation<T>): Promise<T> => perform(operation, () => undefined);

/** An image for release, and bundles for it: 1 by us, 2 by us, 3 by imgtool. */
interface Release {
  readonly board: Board;
  readonly image: string;
  readonly bytecode: string;
  readonly key: string;
  readonly bundles: readonly string[];
  /** Whether the image is the same, byte for byte, once an image for development was built and the application's folder signed. */
  readonly isLeft: boolean;
}

async function makeRelease(board: string, folder: string): Promise<Release> {
  const { key, ...built } = await buildRelease(APPLICATION, board);
  const image = readFileSync(built.image);
  await outcome(build({ application: APPLICATION, board }));
  await outcome(
    signApplication({
      ...{ application: APPLICATION, board, manifest: "camera", key },
      output: join(folder, "folder.bin"),
    }),
  );
  const isLeft = readFileSync(built.image).equals(image);
  const bytecode = join(folder, `${APPLICATION}.xsb`);
  copyFileSync(built.bytecode, bytecode);
  const sign = (version: string, output: string, unsigned = false): Promise<string> =>
    outcome(
      signApplication({
        ...{ application: bytecode, board, manifest: "camera", key, version, unsigned },
        output: join(folder, output),
      }),
    );
  const bundles = [await sign("1.0.0", "1.bin"), await sign("2.0.0", "2.bin")];
  const body = await sign("3.0.0", "3.body", true);
  const third = join(folder, "3.bin");
  execFileSync(clientProgram("imgtool"), [
    ...["sign", "-k", key, "--header-size", "32", "--pad-header", "--align", "4"],
    ...["--version", "3.0.0", "--slot-size", "262144", body, third],
  ]);
  return { board: built.board, image: built.image, bytecode, key, bundles: [...bundles, third], isLeft };
}

/** That of QEMU links an image of its own, and shows little that the host's does not: --all. */
const kinds = { host: describe, "mps2-an500": thorough.describe } as const;

for (const [kind, describes] of Object.entries(kinds)) {
  describes(`clients of others update a camera (${kind})`, () => {
    let folder: string;
    let release: Release;
    const lines: string[] = [];
    const stops: (() => Promise<void>)[] = [];

    before(async function () {
      this.timeout(BUILD_MS);
      mkdirSync(join(buildRoot, "interop"), { recursive: true });
      folder = mkdtempSync(join(buildRoot, "interop", "update-"));
      release = await makeRelease(kind, folder);
    });

    afterEach(async function () {
      for (const stop of stops.splice(0).reverse()) await stop();
      if (this.currentTest?.state === "failed") process.stderr.write(`${lines.join("\n")}\n`);
      const warnings = lines.filter(
        (line) => line.startsWith("camera: ") && line.includes("development key"),
      );
      lines.length = 0;
      assert.deepEqual(warnings, [], "an image for release trusts no key that everybody has");
    });

    after(() => rmSync(folder, { recursive: true, force: true }));

    /** A camera and a controller for its client. */
    async function start(name: string): Promise<readonly string[]> {
      // Bumble takes a public address for its identity, and connects by another: no camera could know its bond again.
      const radio = await startBumble(folder, new AbortController().signal, true);
      stops.push(() => radio.stop());
      const { board, image, bundles } = release;
      const state = join(folder, `${name}.state`);
      const camera = await startCamera(
        board,
        { image, application: bundles[0]!, hci: radio.hci, state },
        (line) => lines.push(`camera: ${line}`),
      );
      stops.push(() => camera.stop());
      const hci = radio.neighbour!.replace("tcp:", "tcp-client:");
      return ["--hci", hci, "--camera", NAME, "--bonds", join(folder, `${name}.json`)];
    }

    /** Runs a client to its end, and returns the steps that it reported. */
    async function run(script: string, args: readonly string[]): Promise<Record<string, unknown>[]> {
      const steps: Record<string, unknown>[] = [];
      const program = python(script, args, (text) => {
        if (text.startsWith('{"step"')) steps.push(JSON.parse(text) as Record<string, unknown>);
      });
      stops.push(() => program.stop());
      assert.equal(await program.exited, 0, `${script}:\n${lines.slice(-60).join("\n")}`);
      return steps;
    }

    function python(script: string, args: readonly string[], onLine: (text: string) => void): Program {
      const command: [string, ...string[]] = [
        clientProgram("python"),
        join(root, "host-tests/interop", script),
        ...args,
      ];
      return new Program(script, command, (text) => {
        lines.push(`${script}: ${text}`);
        onLine(text);
      });
    }

    it("builds for development and signing leave the image for release where it is", () => {
      assert.ok(release.isLeft);
    });

    it("smpclient: pairs, lists, uploads imgtool's bundle over two cuts, tries, confirms; what is tampered is refused; ours, erased", async function () {
      this.timeout(UPDATE_MS);
      const camera = await start("smpclient");
      const [, ours, imgtool] = release.bundles;
      const steps = await run("smp_update.py", [...camera, "--imgtool", imgtool!, "--ours", ours!]);
      assert.deepEqual(
        steps.map(({ step }) => step),
        [
          "parameters",
          "list",
          "cut",
          "vanished",
          "resumed",
          "trial",
          "confirmed",
          "tampered",
          "speed",
          "listed",
          "erased",
          "done",
        ],
      );
      assert.ok(existsSync(join(folder, "smpclient.json")), "a bond was kept");
      const { kb_per_second: speed } = steps.find(({ step }) => step === "speed")!;
      report(`smpclient uploads ${speed} KB/s over rootcanal`);
    });

    it("obscura deploy: pairs, uploads, tries, confirms; its speed beside smpclient's", async function () {
      this.timeout(UPDATE_MS);
      const [, transport] = await start("deploy");
      const { board, bytecode, key } = release;
      let uploaded = "";
      const deployment = deploy({
        ...{ application: bytecode, board: board.name, manifest: "camera", key, version: "2.0.0" },
        ...{ radio: { kind: "bridge", transport: transport! }, bonds: join(folder, "deploy.json") },
        ...{ trialSeconds: 1, confirm: true, signal: new AbortController().signal },
      });
      await perform(deployment, (event) => {
        if (event.type === "step:done" && event.step === "upload") uploaded = event.detail ?? "";
      });
      assert.match(uploaded, /^\d+ bytes, [\d.]+ KB\/s/);
      report(`obscura deploy uploads ${uploaded} over rootcanal`);
    });

    it("mcumgr-toolkit through a relay: a cut, firmware_update, the trial, its confirmation, erase", async function () {
      this.timeout(UPDATE_MS);
      const camera = await start("toolkit");
      const port = new Promise<number>((resolve) => {
        const relay = python("smp_relay.py", camera, (text) => {
          if (text.startsWith('{"port"')) resolve((JSON.parse(text) as { port: number }).port);
        });
        stops.push(() => relay.stop());
      });
      const steps = await run("smp_toolkit.py", [String(await port), ...release.bundles.slice(1)]);
      assert.deepEqual(
        steps.map(({ step }) => step),
        ["parameters", "list", "slots", "cut", "resumed", "updated", "trial", "erased", "done"],
      );
    });
  });
}
