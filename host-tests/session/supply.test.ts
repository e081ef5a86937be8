/**
 * A chip that loses its supply, on an emulated board: it is found, started again three times at most for each call, what comes
 * next works, and the heap is what it was. At every moment, in virtual time: unit/controllers/supply.test.ts.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { before, describe, it } from "mocha";
import { syntheticPatch } from "../../simulator/chips/patch.ts";
import type { PhoneLink } from "../../simulator/phone/link.ts";
import { startCamera } from "../../tools/camera/camera.ts";
import { SimulatorServer } from "../../tools/radio/simulator-server.ts";
import { buildSoakImage, type SoakImage } from "../../tools/soak/image.ts";
import { LineBox } from "../../tools/soak/line-box.ts";
import { GROWTH_LIMIT } from "../../tools/soak/soak.ts";
import { thorough } from "../support/thorough.ts";
import { NAME, ORDER, ORDERS, VALUE } from "./supply/names.ts";

const BOARD = "mps2-an500";
/** A net for what never comes, on the busiest computer. */
const PATIENCE_MS = 300_000;
/** Until no command is on its way any more, and the chip sleeps: then only its silence shows that it is dead. */
const SETTLED_MS = 1500;
/** For a situation that is found by the silence of the chip: the first shows what stays anyway. */
const ROUNDS = 4;

/** When the supply comes back, one round after the other: at once, behind the first attempt, when the call has failed. */
const RETURNS = [undefined, /start of the controller failed \(attempt 1\)/, /advertise failed/];

/** A camera and a phone in one air. */
interface Scene {
  /** Connects the phone as soon as the camera is on the air. */
  connect(): Promise<PhoneLink>;
  /** Waits for a line of the camera's behind those that were seen. */
  saw(pattern: RegExp): Promise<RegExpExecArray>;
}

/** Brings the camera to where its supply is taken. */
type Situation = (scene: Scene, round: number) => Promise<void>;

const advertising: Situation = async ({ connect, saw }) => {
  await (await connect()).disconnect();
  await saw(/gone$/);
  await sleep(SETTLED_MS);
};

const idleLink: Situation = async ({ connect }) => {
  await (await connect()).discover();
  await sleep(SETTLED_MS);
};

const notifications: Situation = async ({ connect }) => {
  const link = await connect();
  await link.subscribe((await link.discover()).characteristic(VALUE));
  for (let count = 0; count < 10; count++) await link.nextValue();
};

/** At another stage in each round: the start takes about 800 ms. On a busy computer it may be over. */
const startBehindStop: Situation = async ({ connect, saw }, round) => {
  const link = await connect();
  const order = (await link.discover()).characteristic(ORDER);
  await link.writeWithoutResponse(order, Uint8Array.of(ORDERS.STOP));
  await saw(/stopped$/);
  await sleep(100 + 200 * round);
};

async function play(soakImage: SoakImage, situation: Situation, rounds: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "obscura-supply-"));
  const radioPatch = join(folder, "patch.hcd");
  writeFileSync(radioPatch, syntheticPatch());
  const server = new SimulatorServer();
  const { chip, hci, lines: radioLines } = await server.addChip();
  const camera = new LineBox("camera", PATIENCE_MS);
  const phone = server.addPhone();
  const { board, image, applications } = soakImage;
  const options = { image, application: applications.supply!, hci, radioLines, radioPatch };
  const running = await startCamera(board, options, (line) => camera.put(line));
  void running.exited.then((how) => camera.end(how));
  const scene: Scene = {
    connect: async () => phone.connect(await phone.find({ name: NAME }, PATIENCE_MS)),
    saw: (pattern) => camera.take((line) => pattern.exec(line) ?? undefined, `a line ${pattern}`),
  };
  const heaps: number[] = [];
  try {
    for (let round = 0; round < rounds; round++) {
      await situation(scene, round);
      const from = camera.lines.length;
      chip.supply(false);
      const back = RETURNS[round % RETURNS.length];
      if (back) await scene.saw(back);
      chip.supply(true);
      for (const link of [...phone.links.values()]) await link.disconnected(PATIENCE_MS);
      const link = await scene.connect();
      const order = (await link.discover()).characteristic(ORDER);
      await link.write(order, Uint8Array.of(ORDERS.REPORT));
      const [, slots, chunks] = await scene.saw(/heap \{"slots":(\d+),"chunks":(\d+)\}/);
      heaps.push(Number(slots) + Number(chunks));
      await link.disconnect();
      await scene.saw(/gone$/);
      checkLines(camera.lines.slice(from), situation !== startBehindStop, back);
    }
    const text = `heap behind each round: ${heaps.join(", ")}`;
    assert.ok(Math.max(...heaps.slice(1)) - Math.max(...heaps.slice(0, 2)) <= GROWTH_LIMIT, text);
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${camera.lines.join("\n")}`, { cause: error });
  } finally {
    await running.stop();
    await server.close();
    rmSync(folder, { recursive: true });
  }
}

/** What the camera says of one loss: one line, one for each attempt that failed, and one when it gives up. */
function checkLines(lines: readonly string[], wasOn: boolean, back: RegExp | undefined): void {
  const count = (pattern: RegExp): number => lines.filter((line) => pattern.test(line)).length;
  const losses = count(/error: .* Starting the controller again/);
  assert.ok(wasOn ? losses === 1 : losses <= 1, `${losses} lines for one loss`);
  const attempts = [1, 2, 3].map((attempt) => count(new RegExp(`failed \\(attempt ${attempt}\\)`)));
  const hasFailed = back === RETURNS[2];
  assert.equal(count(/error: host: the radio stays off/), hasFailed ? losses : 0);
  assert.equal(count(/advertise failed/), hasFailed ? 1 : 0);
  if (hasFailed) assert.deepEqual(attempts, [1, 1, 1]);
  else if (back) assert.deepEqual(attempts, [1, 0, 0]);
  else assert.ok(attempts[0]! <= 1 && attempts[1] === 0, "an attempt, and the next one works");
}

describe(`a chip that loses its supply: ${BOARD}`, function () {
  this.timeout(900_000);
  let image: SoakImage;

  before(async () => {
    const entries = { supply: "host-tests/session/supply/main.ts" };
    image = await buildSoakImage(BOARD, () => undefined, entries);
  });

  it("in the middle of a start behind stop()", () => play(image, startBehindStop, RETURNS.length));

  thorough.it(
    "while it advertises, with an idle link, in the middle of notifications (minutes: a chip's silence is noticed after 30 to 60 s)",
    async () => {
      await Promise.all([advertising, idleLink, notifications].map((one) => play(image, one, ROUNDS)));
    },
  );
});
