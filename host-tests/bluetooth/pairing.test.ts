/** Pairing by numbers: each action of `IRQ_PASSKEY_ACTION`, what `gapPasskey` takes, and a handler that never answers. */
import {
  IRQ_ENCRYPTION_UPDATE,
  IRQ_PASSKEY_ACTION,
  PASSKEY_ACTION_DISPLAY,
  PASSKEY_ACTION_INPUT,
  PASSKEY_ACTION_NUMERIC_COMPARISON,
} from "../../firmware/bluetooth/constants.ts";
import { deepEqual, equal, ok, rejects, throws } from "../support/assert.ts";
import { diagnostics } from "../support/cameras.ts";
import { createPair } from "../support/pairing-cameras.ts";
import { describe, it } from "../support/suite.ts";

/** A central whose handler answers by `answer`, and a peripheral with an agent of `aioble`. */
function createScene(io: number, answer: (action: number, passkey: number, conn: number) => void) {
  const pair = createPair();
  const { central, peripheral } = pair;
  const ble = new central.bluetooth.BLE();
  const updates: number[][] = [];
  ble.irq((event, data) => {
    const [conn, ...rest] = data as unknown as number[];
    if (event === IRQ_PASSKEY_ACTION) answer(rest[0]!, rest[1]!, conn!);
    if (event === IRQ_ENCRYPTION_UPDATE) updates.push(rest);
  });
  central.aioble.config({ mitm: true, io });
  /** Pairs; returns what the link is like then. */
  const pairUp = async (): Promise<number[] | undefined> => {
    const { outgoing, incoming } = await pair.meet();
    equal(ble.gapPair(outgoing.link.handle), true);
    // Twenty rounds of a passkey take seconds.
    await pair.world.clock.sleep(8000);
    await outgoing.disconnect();
    await incoming.disconnected();
    return updates.splice(0).at(-1);
  };
  return { ...pair, ble, pairUp, security: peripheral.aioble.security, updates };
}

describe("bluetooth: gapPasskey", () => {
  for (const [isEqual, expected] of [
    [1, [1, 1, 1, 16]],
    [0, [0, 0, 0, 0]],
  ] as const) {
    it(`action 4, ${isEqual === 1 ? "yes" : "no"}: both see the same number, and the answer counts`, async () => {
      const seen: string[] = [];
      const scene = createScene(1, (action, number, conn) => {
        equal(action, PASSKEY_ACTION_NUMERIC_COMPARISON);
        seen.push(String(number).padStart(6, "0"));
        equal(scene.ble.gapPasskey(conn, action, isEqual), true);
      });
      scene.security.agent = {
        display: () => {},
        compare: ({ number }) => {
          seen.push(number);
          return true;
        },
      };
      await scene.world.run(async () => {
        deepEqual(await scene.pairUp(), [...expected]);
        equal(seen[0], seen[1]);
        if (isEqual === 1) return;
        const failed = diagnostics(scene.central).filter((line) => line.includes("(0x0C)"));
        equal(failed.length, 1);
      });
    });
  }

  it("action 3: the number of the event is shown, or another that the handler gives; the same one twice is warned of", async () => {
    let own: number | undefined;
    let shown = 0;
    const scene = createScene(0, (action, number, conn) => {
      equal(action, PASSKEY_ACTION_DISPLAY);
      shown = own ?? number;
      if (own !== undefined) equal(scene.ble.gapPasskey(conn, action, own), true);
    });
    scene.security.agent = {
      async input() {
        await scene.world.clock.sleep(500);
        return shown;
      },
    };
    await scene.world.run(async () => {
      deepEqual(await scene.pairUp(), [1, 1, 1, 16]);
      const drawn = shown;
      scene.central.aioble.security.bonds.clear();
      scene.security.bonds.clear();
      deepEqual(await scene.pairUp(), [1, 1, 1, 16]);
      ok(shown !== drawn);
      for (let times = 1; times <= 2; times++) {
        own = 123_456;
        scene.central.aioble.security.bonds.clear();
        scene.security.bonds.clear();
        deepEqual(await scene.pairUp(), [1, 1, 1, 16]);
        const warned = diagnostics(scene.central).filter((line) => line.includes("the same passkey twice"));
        equal(warned.length, times - 1);
      }
    });
  });

  it("action 2: what is typed counts; a wrong number fails at once", async () => {
    let shown = "";
    let isRight = false;
    const scene = createScene(2, (action, _number, conn) => {
      equal(action, PASSKEY_ACTION_INPUT);
      // The other side shows it meanwhile.
      scene.world.clock.setTimer(() => {
        const typed = Number(shown);
        scene.ble.gapPasskey(conn, action, isRight ? typed : (typed + 1) % 1_000_000);
      }, 500);
    });
    scene.security.agent = {
      display({ passkey }) {
        shown = passkey;
      },
    };
    await scene.world.run(async () => {
      deepEqual(await scene.pairUp(), [0, 0, 0, 0]);
      isRight = true;
      await scene.world.clock.sleep(120_000);
      deepEqual(await scene.pairUp(), [1, 1, 1, 16]);
    });
  });

  it("what is no action, no number, or was not asked: RangeError or false, and nothing happens", async () => {
    const scene = createScene(2, () => {});
    scene.security.agent = { display: () => {} };
    await scene.world.run(async () => {
      const { ble } = scene;
      const { outgoing } = await scene.meet();
      const { handle } = outgoing.link;
      equal(ble.gapPasskey(handle, PASSKEY_ACTION_INPUT, 1), false, "nothing is asked");
      equal(ble.gapPair(handle), true);
      await scene.world.clock.sleep(1000);
      for (const [action, passkey] of [
        [0, 1],
        [1, 1],
        [5, 1],
        [2, -1],
        [2, 1_000_000],
        [2, 0.5],
        [2, Number.NaN],
        [4, 2],
      ] as const)
        throws(() => ble.gapPasskey(handle, action, passkey), { name: "RangeError" });
      equal(ble.gapPasskey(handle, PASSKEY_ACTION_DISPLAY, 1), false, "something else is asked");
      equal(ble.gapPasskey(handle + 1, PASSKEY_ACTION_INPUT, 1), false, "of nobody");
      equal(ble.gapPair(handle + 1), false);
      deepEqual(scene.updates, []);
    });
  });

  it("a handler that never answers: the pairing fails after 30 s, and the log says which call is missing", async () => {
    const scene = createScene(2, () => {});
    scene.security.agent = { display: () => {} };
    scene.central.aioble.config({ logLevel: 3 });
    await scene.world.run(async () => {
      const { outgoing } = await scene.meet();
      const { handle } = outgoing.link;
      scene.ble.gapPair(handle);
      await scene.world.clock.sleep(29_000);
      deepEqual(scene.updates, []);
      await scene.world.clock.sleep(2000);
      deepEqual(scene.updates, [[0, 0, 0, 0]]);
      const { console } = scene.central.platform;
      ok(console.some(({ message }) => message.includes(`pairing waits for gapPasskey(${handle}, 2, …)`)));
      await rejects(outgoing.pair(), { code: "pairing-timeout" });
      equal(outgoing.isConnected(), true);
    });
  });
});
