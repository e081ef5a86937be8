/**
 * Every wait of the public API (support/waits.ts has the table): ended by its value, by timeoutMs, by its signal, by the end
 * of the link and by stop(). After a wait that was given up, the same wait works on the same link.
 */
import type { WaitOptions } from "../../firmware/aioble/wait.ts";
import { deepEqual, equal, ok } from "../support/assert.ts";
import type { AiobleCamera } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";
import { ADVERTISING, inScene, ROWS, type Row, type Scene } from "../support/waits.ts";

/** What ends only with the link, so that it cannot be had twice on it. */
const ONCE = ["DeviceConnection.disconnected", "L2CAPChannel.disconnected"];

/** The camera that waits. */
const waiterOf = ({ waiter }: Row, { central, peripheral }: Scene): AiobleCamera =>
  waiter === "peripheral" ? peripheral : central;

/** Keeps the value away until the returned function is called. */
function block(row: Row, scene: Scene): () => void {
  const { central, peripheral, world } = scene;
  if (row.bring) return () => {};
  if (row.delayed !== undefined) {
    const { faults } = waiterOf(row, scene).controller;
    faults.answerDelayMs = new Map([[row.delayed, 1500]]);
    return () => {
      faults.answerDelayMs = 0;
    };
  }
  world.air.separate(central.controller, peripheral.controller);
  return () => world.air.reunite(central.controller, peripheral.controller);
}

/** Ends, as `settle` has them: a value, an error's code, or the end of a loop. */
async function outcomeOf(wait: Promise<unknown>): Promise<string> {
  try {
    const value = await wait;
    return (value as { done?: boolean } | undefined)?.done === true ? "done" : "value";
  } catch (error) {
    return String((error as { code?: string }).code ?? (error as Error).message);
  }
}

/** The wait has its value, and the link is up. */
async function works(row: Row, scene: Scene): Promise<void> {
  const waiting = outcomeOf(row.begin(scene, {}));
  await scene.world.clock.sleep(50);
  await row.bring?.(scene);
  equal(await waiting, "value");
}

describe("every wait of the public API", () => {
  for (const row of ROWS) {
    it(`${row.name}: ends by its value`, () => inScene((scene) => works(row, scene)));

    /** Given up by `options`; then the same again, on the same link. */
    const givenUp = (
      options: (scene: Scene) => WaitOptions,
      reason: string,
      during: (scene: Scene) => Promise<void> = async () => {},
    ) =>
      inScene(async (scene) => {
        const { incoming, outgoing, world } = scene;
        const unblock = block(row, scene);
        const waiting = outcomeOf(row.begin(scene, options(scene)));
        await during(scene);
        equal(await waiting, reason);
        unblock();
        // What was on its way arrives, and goes nowhere.
        await world.clock.sleep(2000);
        ok(outgoing.isConnected() && incoming.isConnected(), "the link is up");
        // A peripheral may ask for parameters again after 30 s.
        if (row.name.endsWith("as a peripheral")) await world.clock.sleep(31_000);
        await works(row, scene);
        if (!ONCE.includes(row.name)) equal(outgoing.isConnected(), true);
      });

    if (!row.isStep) {
      it(`${row.name}: ends by timeoutMs, and works again`, () =>
        givenUp(() => ({ timeoutMs: 200 }), "timeout"));
    }

    it(`${row.name}: ends by its signal, and works again`, () => {
      let abort = (): void => {};
      return givenUp(
        (scene) => {
          const aborter = new (waiterOf(row, scene).globals.AbortController)();
          abort = () => aborter.abort(new Error("enough"));
          return { signal: aborter.signal };
        },
        "enough",
        async ({ world }) => {
          await world.clock.sleep(200);
          abort();
        },
      );
    });

    const { onLoss } = row;
    if (onLoss) {
      it(`${row.name}: ends with its link`, () =>
        inScene(async (scene) => {
          const { central, peripheral, world, outgoing } = scene;
          if (row.delayed !== undefined) block(row, scene);
          else world.air.separate(central.controller, peripheral.controller);
          // The central's timeout is below that of a transaction.
          const waiting = outcomeOf(row.begin(scene, { timeoutMs: row.isStep ? undefined : 60_000 }));
          if (row.delayed !== undefined) await peripheral.host.disconnect(scene.incoming.link);
          await world.clock.sleep(12_000);
          equal(await waiting, onLoss);
          ok(!outgoing.isConnected());
        }));
    }

    it(`${row.name}: ends by stop(), and the camera works again`, () =>
      inScene(async (scene) => {
        const { central, peripheral, world } = scene;
        const { aioble } = waiterOf(row, scene);
        const unblock = block(row, scene);
        // A link is ended in good order, and what comes meanwhile comes.
        if (row.delayed !== undefined) world.air.separate(central.controller, peripheral.controller);
        const waiting = outcomeOf(row.begin(scene, row.isStep ? {} : { timeoutMs: 60_000 }));
        await world.clock.sleep(100);
        await aioble.stop();
        equal(await waiting, row.onStop);
        unblock();
        world.air.reunite(central.controller, peripheral.controller);
        await world.clock.sleep(12_000);
        const incoming = peripheral.aioble.advertise(ADVERTISING);
        const { ADDR_RANDOM, Device } = central.aioble;
        const again = await new Device(ADDR_RANDOM, peripheral.host.ownAddress).connect();
        await incoming;
        ok(again.isConnected());
      }));
  }

  it("has each method that takes timeoutMs or a signal", () =>
    inScene(async ({ remote, value, outgoing, channel }) => {
      const names = ROWS.map(({ name }) => name);
      const has = (method: string) => names.some((name) => name.split(".").at(-1)!.startsWith(method));
      const methods = [outgoing, remote.plain, remote.service, value.plain, channel].flatMap((object) =>
        Object.getOwnPropertyNames(Object.getPrototypeOf(object) as object),
      );
      const waits = methods.filter((name) => WAITS.includes(name));
      deepEqual(
        waits.filter((name) => !has(name)),
        [],
      );
      ok(waits.length > 15, `${waits}`);
    }));
});

/** Methods whose promise may be long in coming. */
const WAITS = [
  "flush",
  "disconnected",
  "updateParameters",
  "readRssi",
  "readPhy",
  "setPhy",
  "setDataLength",
  "pair",
  "exchangeMtu",
  "services",
  "service",
  "includedServices",
  "readMultiple",
  "read",
  "write",
  "subscribe",
  "notified",
  "indicated",
  "notifications",
  "indications",
  "indicate",
  "written",
  "writes",
  "l2capAccept",
  "l2capConnect",
  "l2capConnectMultiple",
  "reconfigure",
  "send",
  "recv",
  "recvinto",
];
