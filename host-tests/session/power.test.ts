/** The module `power` on emulated boards, from an application: what wakes it, and the battery, which the board measures. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, afterEach, before, describe, it } from "mocha";
import { type Built, build } from "../../tools/build/build.ts";
import { startCamera } from "../../tools/camera/camera.ts";
import { cameraCommand } from "../../tools/camera/command.ts";
import { perform } from "../../tools/cli/perform.ts";
import { SimulatorServer } from "../../tools/radio/simulator-server.ts";
import { deploy } from "../../tools/update/deploy.ts";
import { developmentKeyFile } from "../../tools/update/keys.ts";

/** Sleeps for the button, then for motion, then for either until time comes first; and says what its battery has. */
const SLEEPER = `
import { batteryVolts, deepSleep, lowBattery, retainedState, wakeCause } from "power";

const start = ((retainedState() as number | undefined) ?? 0) + 1;
console.log(\`start \${start}, by \${wakeCause}, at \${batteryVolts()} V\`);
if (start === 1) {
  const volts = await lowBattery({ lowVolts: 3.4 });
  console.log(\`low: \${volts} V\`);
  await deepSleep({ wakeOn: ["button"], state: start });
}
if (start === 2) await deepSleep({ wakeOn: ["motion"], state: start });
if (start === 3) await deepSleep({ durationMs: 100, wakeOn: ["button", "motion", "timer"], state: start });
console.log("awake");
`;

const BATTERY_MV = 3100;

/** What a person does to the camera. */
type Touch = "button" | "motion";

class TouchedCamera {
  readonly lines: string[] = [];
  private readonly child: ChildProcess;
  private readonly board: string;
  private onLine: () => void = () => undefined;

  constructor(board: string, [file, ...args]: readonly [string, ...string[]]) {
    this.board = board;
    this.child = spawn(file, args, { stdio: ["pipe", "pipe", "pipe"] });
    for (const input of [this.child.stdout!, this.child.stderr!]) {
      createInterface({ input }).on("line", (line) => {
        this.lines.push(line);
        this.onLine();
      });
    }
    this.child.on("exit", () => this.onLine());
  }

  /** By signals to the process, which finds them at once, or by bytes on the console of an emulated board. */
  touch(...touches: readonly Touch[]): void {
    if (this.board === "host") {
      this.child.kill("SIGSTOP");
      for (const how of touches) this.child.kill(how === "button" ? "SIGUSR1" : "SIGUSR2");
      this.child.kill("SIGCONT");
    } else {
      this.child.stdin!.write(touches.map((how) => how[0]).join(""));
    }
  }

  /** Waits for a line. */
  async says(text: string): Promise<void> {
    while (!this.lines.some((line) => line.includes(text))) {
      assert.equal(this.child.exitCode ?? this.child.signalCode, null, this.lines.join("\n"));
      await new Promise<void>((resolve) => {
        this.onLine = resolve;
      });
    }
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once("close", resolve));
    this.child.kill("SIGKILL");
    await ended;
  }
}

describe("power on emulated boards", function () {
  this.timeout(600_000);
  let folder = "";
  let main = "";
  const stops: (() => Promise<unknown>)[] = [];

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "obscura-power-"));
    main = join(folder, "main.ts");
    writeFileSync(main, SLEEPER);
  });
  afterEach(async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
  });
  after(() => rmSync(folder, { recursive: true }));

  const builtFor = (board: string): Promise<Built> =>
    perform(build({ application: main, board }), () => undefined);

  for (const board of ["host", "mps2-an500"]) {
    it(`${board}: wakeOn chooses among button, motion and time, and the battery is what the board measures`, async () => {
      const built = await builtFor(board);
      const { image, application } = built;
      const options = { image, application, batteryMv: BATTERY_MV, windowMs: 0, powerOnMs: 0 };
      const camera = new TouchedCamera(board, await cameraCommand(built.board, options));
      stops.push(() => camera.stop());
      await camera.says("start 1, by power-on, at 3.1 V");
      await camera.says("low: 3.1 V");
      // Motion is none of the sources: it wakes nothing, nor does it later.
      camera.touch("motion", "button");
      await camera.says("start 2, by button, at 3.1 V");
      camera.touch("button", "motion");
      await camera.says("start 3, by motion, at 3.1 V");
      await camera.says("start 4, by timer, at 3.1 V");
      await camera.says("awake");
    });
  }

  it("host: an update is refused at a low battery, and the reason is said", async () => {
    const { board, image, application } = await builtFor("host");
    const server = new SimulatorServer();
    stops.push(() => server.close());
    const hci = await server.listen();
    const camera = await startCamera(board, { image, application, hci, batteryMv: BATTERY_MV });
    stops.push(() => camera.stop());
    writeFileSync(main, "console.log('the next version');\n");
    const deploying = deploy({
      ...{ radio: { kind: "controller", hci }, signal: new AbortController().signal },
      ...{ bonds: join(folder, "bonds.json"), application: main, board: "host", manifest: "camera" },
      ...{ key: developmentKeyFile, trialSeconds: 1, confirm: true },
    });
    await assert.rejects(
      perform(deploying, () => undefined),
      /The battery has 3\.10 V, and an update needs/,
    );
  });
});
