/**
 * Versions that are tried and mean no good, with both marks: whatever they do, the camera is within reach afterwards, and runs the
 * version before unless the new one was to confirm itself and somebody could have connected to it. All cameras of a board run at
 * the same time, each in an air of its own.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "mocha";
import type { Board } from "../../tools/build/boards.ts";
import { build } from "../../tools/build/build.ts";
import { cameraCommand } from "../../tools/camera/command.ts";
import { type Central, startCentral } from "../../tools/central/central.ts";
import { perform } from "../../tools/cli/perform.ts";
import { Program } from "../../tools/program.ts";
import { SimulatorServer } from "../../tools/radio/simulator-server.ts";
import { findCamera, type OpenCamera, openCamera } from "../../tools/update/camera-finder.ts";
import { readSigned } from "../../tools/update/format.ts";
import { Bench } from "../firmware/image.ts";
import { thorough } from "../support/thorough.ts";

/** What has come true before the camera is the one of before again, or keeps the new version. */
type End = "failed" | "hung" | "unconfirmed" | "unreached" | "confirmed";

const ENDS: Readonly<Record<End, RegExp>> = {
  failed: /has ended: it failed before it was confirmed$/,
  hung: /has ended: it hung, and the watchdog reset the camera$/,
  unconfirmed: /has ended: nobody confirmed it in time$/,
  unreached: /has ended: nobody could have connected to the camera while it ran$/,
  confirmed: /update: the trial is confirmed: it runs without a failure$/,
};

interface Hostile {
  readonly source: string;
  /** Its end when it is marked for a test, and when it is marked as permanent. */
  readonly ends: readonly [End, End];
  /** A client of its connects, and stays. */
  readonly hasClient?: boolean;
}

const GOOD = `
import { advertise } from "aioble";
console.log("version 1 runs");
for (;;) await (await advertise({ intervalUs: 50_000, name: "good" })).disconnected();
`;

const fast: Readonly<Record<string, Hostile>> = {
  "computes without an end": { source: "for (;;);", ends: ["hung", "hung"] },
  throws: { source: 'throw new Error("hostile");', ends: ["failed", "failed"] },
  "fills the heap": {
    source: "const all = []; for (;;) all.push(new Uint8Array(10_000), [all]);",
    ends: ["failed", "failed"],
  },
};

/** Their trials go on for as long as trials do. */
const lasting: Readonly<Record<string, Hostile>> = {
  "sleeps at once": {
    source: 'import { deepSleep } from "power"; await deepSleep({ durationMs: 3_600_000 });',
    ends: ["unconfirmed", "confirmed"],
  },
  "gives its only link away": {
    source: `import { advertise, config } from "aioble";
config({ maxConnections: 1 });
for (;;) await (await advertise({ intervalUs: 50_000, name: "greedy" })).disconnected();`,
    ends: ["unconfirmed", "confirmed"],
    hasClient: true,
  },
  "calls stop() every 50 ms": {
    source: `import { stop } from "aioble";
setInterval(() => void stop().catch(() => undefined), 50);`,
    ends: ["unconfirmed", "unreached"],
  },
  "advertises every 10.24 s": {
    source: `import { advertise } from "aioble";
for (;;) await (await advertise({ intervalUs: 10_240_000, name: "slow" })).disconnected();`,
    ends: ["unconfirmed", "confirmed"],
  },
};

interface Bundle {
  readonly bytes: Uint8Array;
  readonly hash: Uint8Array;
}

/** A camera of this board, and whoever manages it. */
class Scene {
  readonly lines: string[] = [];
  private readonly stops: (() => Promise<void>)[] = [];
  private readonly signal = new AbortController().signal;
  private readonly folder: string;
  private program: Program | undefined = undefined;
  private heard = (): void => undefined;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** @returns whether the new version stays */
  async run(
    board: Board,
    image: string,
    good: string,
    tried: Bundle,
    { ends, hasClient }: Hostile,
    isPermanent: boolean,
  ): Promise<void> {
    const server = new SimulatorServer();
    this.stops.push(() => server.close());
    const hci = await server.listen();
    const command = await cameraCommand(board, {
      ...{ image, application: good, hci, state: join(this.folder, "state") },
    });
    this.program = new Program("camera", limited(board, command), (line) => {
      this.lines.push(line);
      this.heard();
    });
    void this.program.exited.then(() => this.heard());
    this.stops.push(() => this.program!.stop());
    const owner = this.central(hci, "owner");
    const camera = await findCamera(owner, undefined, this.signal);
    const open = await openCamera(camera, this.signal);
    const { bytes, hash } = tried;
    await open.client.upload(bytes, new Uint8Array(createHash("sha256").update(bytes).digest()));
    await open.client.mark(hash, isPermanent);
    await open.client.reset().catch(() => undefined);
    await this.says(/slot 0 is on trial$/);
    await open.connection.disconnect().catch(() => undefined);
    if (hasClient) await this.holdLink(hci);
    const end = ends[isPermanent ? 1 : 0];
    const line = await this.says(/update: the trial (is confirmed|of slot \d has ended)/);
    assert.match(line, ENDS[end]);
    if (end !== "confirmed") await this.says(/version 1 runs/);
    const again = await this.reach(owner);
    const running = (await again.client.list()).find(({ active }) => active)!;
    assert.deepEqual(Buffer.from(running.hash).equals(Buffer.from(hash)), end === "confirmed");
    assert.equal(running.confirmed, true);
    await again.connection.disconnect();
  }

  async stop(): Promise<void> {
    for (const stop of this.stops.splice(0).reverse()) await stop().catch(() => undefined);
  }

  private central(hci: string, name: string): Central {
    const central = startCentral(hci, join(this.folder, `${name}.json`), () => undefined);
    this.stops.push(() => central.stop());
    return central;
  }

  /** The firmware's own advertisement may take its time, and its place may be somebody's for a moment. */
  private async reach(owner: Central): Promise<OpenCamera> {
    let why: unknown;
    for (let attempt = 0; attempt < 6; attempt++) {
      try {
        return await openCamera(await findCamera(owner, undefined, this.signal), this.signal);
      } catch (error) {
        why = error;
      }
    }
    throw why;
  }

  /** A client connects to the application as soon as that lets it. */
  private async holdLink(hci: string): Promise<void> {
    const client = this.central(hci, "client");
    const { device } = await findCamera(client, "greedy", this.signal);
    await device.connect({ timeoutMs: 10_000 });
  }

  /** The next line that matches, behind those before. */
  private async says(pattern: RegExp): Promise<string> {
    for (let at = 0; ; ) {
      for (; at < this.lines.length; at++) {
        const line = this.lines[at]!;
        if (!pattern.test(line)) continue;
        this.lines.splice(0, at + 1);
        return line;
      }
      if (!this.program!.isRunning) assert.fail(`the camera has ended without ${pattern}`);
      await new Promise<void>((resolve) => {
        this.heard = resolve;
      });
    }
  }
}

/** A trial of 40 s, and on the computer a watchdog of 5 s. */
function limited({ runs }: Board, command: [string, ...string[]]): [string, ...string[]] {
  if (runs !== "qemu") return [...command, "--trial-ms", "40000", "--watchdog-ms", "5000"];
  return command.map((word) =>
    word.startsWith("enable=on,target=native") ? `${word},arg=trial=40000` : word,
  ) as [string, ...string[]];
}

interface Kind {
  readonly describes: typeof describe | typeof describe.skip;
  readonly title: string;
  readonly board: string;
  readonly applications: Readonly<Record<string, Hostile>>;
  /** How many cameras run at the same time. */
  readonly together: number;
}

const kinds: readonly Kind[] = [
  { describes: describe, title: "host", board: "host", applications: fast, together: 6 },
  {
    ...{ describes: thorough.describe, title: "host, whole trials of 40 s of real time" },
    ...{ board: "host", applications: lasting, together: 8 },
  },
  {
    ...{ describes: thorough.describe, title: "mps2-an500, whose watchdog takes a minute of real time" },
    ...{ board: "mps2-an500", applications: { ...fast, ...lasting }, together: 4 },
  },
];

for (const { applications, board: name, describes, title, together } of kinds) {
  describes(`hostile versions on trial (${title})`, function () {
    this.timeout(1_200_000);
    let folder: string;
    const outcomes = new Map<string, Promise<string | undefined>>();
    let bench: Bench;

    before(async () => {
      bench = await Bench.open();
      folder = bench.path("cameras");
      mkdirSync(folder);
      const main = bench.path("good.ts");
      writeFileSync(main, GOOD);
      const built = await perform(build({ application: main, board: name }), () => undefined);
      const bundles = Object.entries(applications).map(([what, { source }], index) => {
        const file = bench.compile("application", `hostile-${index}`, source, built.firmware, name);
        const bytes = readFileSync(file);
        return [
          what,
          { bytes: new Uint8Array(bytes), hash: new Uint8Array(readSigned(bytes).digest) },
        ] as const;
      });
      const queue: (() => Promise<void>)[] = [];
      for (const [what, bundle] of bundles)
        for (const isPermanent of [false, true]) {
          outcomes.set(
            `${what} ${isPermanent}`,
            new Promise((resolve) => {
              queue.push(async () => {
                const scene = new Scene(mkdtempSync(join(folder, "scene-")));
                try {
                  const { application, board, image } = built;
                  await scene.run(board, image, application, bundle, applications[what]!, isPermanent);
                  resolve(undefined);
                } catch (error) {
                  resolve(`${(error as Error).stack}\n${scene.lines.join("\n")}`);
                } finally {
                  await scene.stop();
                }
              });
            }),
          );
        }
      const work = async (): Promise<void> => {
        for (let next = queue.shift(); next !== undefined; next = queue.shift()) await next();
      };
      for (let count = 0; count < together; count++) void work();
    });

    after(async () => {
      await Promise.all(outcomes.values());
      bench?.dispose();
    });

    for (const [what, { ends }] of Object.entries(applications))
      for (const isPermanent of [false, true])
        it(`one that ${what}, marked ${isPermanent ? "as permanent" : "for a test"}: ${ends[isPermanent ? 1 : 0]}`, async () => {
          const problem = await outcomes.get(`${what} ${isPermanent}`);
          assert.equal(problem, undefined, problem);
        });
  });
}
