/**
 * Controllers that fail in the middle of a procedure of several commands: what was to follow belongs to the session that is
 * over, and the next one is set up by its own commands alone. A link that came up meanwhile would be one of which the host
 * has not heard.
 */
import { isOnAir } from "../support/advertising.ts";
import { deepEqual, equal, ok } from "../support/assert.ts";
import { createRig, type Rig } from "../support/rig.ts";
import { commandComplete, commandStatus, eventPacket } from "../support/scripted-controller.ts";
import { describe, it } from "../support/suite.ts";

const RESET = 0x0c03;
const DISCONNECT = 0x0406;
const CREATE_CONNECTION = 0x200d;
const HARDWARE_ERROR = eventPacket(0x10, [0x42]);
const OPTIONS = { intervalUs: 100_000, name: "obscura" };

/** What an application does, and the commands by which the stack does it. */
interface Operation {
  /** Brings the rig to where it can be done; returns what does it. */
  prepare(rig: Rig): Promise<() => Promise<unknown>>;
  readonly commands: readonly number[];
}

const OPERATIONS: Readonly<Record<string, Operation>> = {
  advertise: {
    prepare:
      async ({ aioble }) =>
      () =>
        aioble.advertise(OPTIONS),
    commands: [0x2006, 0x2008, 0x2009, 0x200a],
  },
  scan: {
    prepare:
      async ({ aioble }) =>
      () =>
        aioble.scan({ intervalUs: 30_000, windowUs: 30_000 }).next(),
    commands: [0x200b, 0x200c],
  },
  connect: {
    prepare:
      async ({ aioble }) =>
      () =>
        new aioble.Device(0, "00:11:22:33:44:55").connect(),
    commands: [CREATE_CONNECTION],
  },
  disconnect: {
    prepare: async (rig) => {
      const advertising = rig.aioble.advertise(OPTIONS);
      await rig.settle();
      await rig.connect();
      const connection = await advertising;
      return () => connection.disconnect();
    },
    commands: [DISCONNECT],
  },
};

/** A rig whose radio is on, and the commands that switched it on. */
async function createRunningRig(): Promise<{ readonly rig: Rig; readonly start: readonly number[] }> {
  const rig = createRig();
  const on = rig.host.activate();
  await rig.settle();
  await on;
  return { rig, start: rig.controller.takeOpcodes() };
}

/** Begins what may fail with the controller. */
function begin(work: () => Promise<unknown>): void {
  work().catch(() => undefined);
}

/** The controller was started again, by the commands of a start and no other. */
function checkStart(rig: Rig, start: readonly number[]): void {
  const sent = rig.controller.takeOpcodes();
  const again = sent.indexOf(RESET);
  ok(again > 0, "the controller is started again");
  deepEqual(sent.slice(again, again + start.length), start);
  equal(rig.host.active, true);
}

describe("a controller fails in the moment of an answer", () => {
  for (const [name, { prepare, commands }] of Object.entries(OPERATIONS)) {
    for (const opcode of commands) {
      it(`${name}, 0x${opcode.toString(16)}: nothing of it is in the next start`, async () => {
        const { rig, start } = await createRunningRig();
        const { controller } = rig;
        const work = await prepare(rig);
        controller.takeOpcodes();
        controller.script(opcode, () => {
          const hasStatus = opcode === CREATE_CONNECTION || opcode === DISCONNECT;
          const answer = hasStatus ? commandStatus(opcode) : commandComplete(opcode);
          controller.deliverTogether(answer, HARDWARE_ERROR);
          return [];
        });
        begin(work);
        await rig.settle();
        checkStart(rig, start);
      });
    }
  }

  it("advertising goes on in the next session, and its link is heard of", async () => {
    const { rig } = await createRunningRig();
    const { controller } = rig;
    controller.script(0x2006, () => {
      controller.deliverTogether(commandComplete(0x2006), HARDWARE_ERROR);
      return [];
    });
    const advertising = rig.aioble.advertise(OPTIONS);
    await rig.settle();
    ok(isOnAir(controller.take()));
    await rig.connect();
    equal((await advertising).isConnected(), true);
  });
});

describe("a controller fails while others wait for their turn", () => {
  for (const first of ["advertise", "scan", "connect"]) {
    it(`${first} is under way: nothing of what waits is in the next start`, async () => {
      const { rig, start } = await createRunningRig();
      const { controller } = rig;
      const names = [first, ...["advertise", "scan", "connect"].filter((name) => name !== first)];
      controller.script(OPERATIONS[first]!.commands[0]!, () => [HARDWARE_ERROR]);
      for (const name of names) begin(await OPERATIONS[name]!.prepare(rig));
      await rig.settle();
      checkStart(rig, start);
    });
  }
});
