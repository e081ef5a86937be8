/** Every public wait, ended in each way that it can end: by its value, its timeout, its signal, the end of the link. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { DeviceConnection } from "../../../firmware/aioble/device-connection.ts";
import type { Characteristic } from "../../../firmware/aioble/server.ts";
import type { WaitOptions } from "../../../firmware/aioble/wait.ts";
import { UUID } from "../../../firmware/ble/uuid.ts";
import { le16 } from "../../support/bytes.ts";
import { ATT, createRig, HANDLE, type Rig } from "../../support/rig.ts";
import { aclFrame, completedPackets, SILENCE } from "../../support/scripted-controller.ts";

const VALUE = 16;
const CCCD = 17;
const TIMEOUT_MS = 700;

interface Scene {
  readonly rig: Rig;
  readonly connection: DeviceConnection;
  readonly characteristic: Characteristic;
}

async function createScene(): Promise<Scene> {
  const rig = createRig();
  rig.controller.autoComplete = true;
  const { aioble } = rig;
  const service = new aioble.Service(new UUID(0x181a));
  const characteristic = new aioble.Characteristic(service, new UUID(0x2a6e), {
    read: true,
    write: true,
    notify: true,
  });
  aioble.registerServices(service);
  const advertising = aioble.advertise({ intervalUs: 100_000 });
  await rig.settle();
  await rig.connect();
  const connection = await advertising;
  // Longer than any wait here.
  connection.link.parameters = { ...connection.link.parameters, supervisionTimeoutMs: 32_000 };
  rig.controller.sent.length = 0;
  return { rig, connection, characteristic };
}

interface Wait {
  readonly name: string;
  /** Brings the scene to where the wait has to wait. */
  prepare?(scene: Scene): Promise<void>;
  start(scene: Scene, options: WaitOptions): Promise<unknown>;
  /** Makes its value happen. */
  fulfil(scene: Scene): Promise<void>;
  /** What the end of the link means to it. */
  readonly onLinkEnd: "rejects" | "resolves" | "unconcerned";
  /** Takes `timeoutMs` and `signal`. */
  readonly isBounded: boolean;
  /** It asks for the end of the link, for which the host keeps a timer until the controller has reported it. */
  readonly asksForEnd?: boolean;
}

async function subscribe(scene: Scene): Promise<void> {
  await scene.rig.exchange(ATT, [0x12, ...le16(CCCD), 1, 0]);
}

const WAITS: readonly Wait[] = [
  {
    name: "advertise",
    start: ({ rig }, options) => rig.aioble.advertise({ intervalUs: 100_000, ...options }),
    async fulfil({ rig }) {
      await rig.connect(HANDLE + 1);
    },
    onLinkEnd: "unconcerned",
    isBounded: true,
  },
  {
    name: "DeviceConnection.disconnected",
    start: ({ connection }, options) => connection.disconnected(options),
    fulfil: ({ rig }) => rig.disconnect(),
    onLinkEnd: "resolves",
    isBounded: true,
  },
  {
    name: "DeviceConnection.disconnected({ disconnect: true })",
    start: ({ connection }, options) => connection.disconnected({ disconnect: true, ...options }),
    fulfil: ({ rig }) => rig.disconnect(HANDLE, 0x16),
    onLinkEnd: "resolves",
    asksForEnd: true,
    isBounded: true,
  },
  {
    name: "DeviceConnection.disconnect",
    start: ({ connection }, options) => connection.disconnect(options),
    fulfil: ({ rig }) => rig.disconnect(HANDLE, 0x16),
    onLinkEnd: "resolves",
    asksForEnd: true,
    isBounded: true,
  },
  {
    name: "Characteristic.written",
    start: ({ characteristic }, options) => characteristic.written(options),
    async fulfil({ rig }) {
      await rig.exchange(ATT, [0x12, ...le16(VALUE), 1]);
    },
    onLinkEnd: "unconcerned",
    isBounded: true,
  },
  {
    name: "Characteristic.notify, queued",
    async prepare(scene) {
      await subscribe(scene);
      scene.rig.controller.autoComplete = false;
      for (let n = 0; n < 4; n++) await scene.characteristic.notify(scene.connection, "full");
    },
    start: ({ characteristic, connection }) => characteristic.notify(connection, "waits"),
    async fulfil({ rig }) {
      rig.controller.deliver(completedPackets([HANDLE, 4]));
      await rig.settle();
    },
    onLinkEnd: "rejects",
    isBounded: false,
  },
  {
    name: "DeviceConnection.flush",
    async prepare(scene) {
      await subscribe(scene);
      scene.rig.controller.autoComplete = false;
      await scene.characteristic.notify(scene.connection, "sent");
    },
    start: ({ connection }, options) => connection.flush(options),
    async fulfil({ rig }) {
      rig.controller.deliver(completedPackets([HANDLE, 1]));
      await rig.settle();
    },
    onLinkEnd: "rejects",
    isBounded: true,
  },
  {
    name: "a wait on DeviceConnection.timeout's signal",
    start: ({ characteristic, connection }, options) =>
      characteristic.written({ ...options, signal: options.signal ?? connection.timeout() }),
    async fulfil({ rig }) {
      await rig.exchange(ATT, [0x12, ...le16(VALUE), 1]);
    },
    onLinkEnd: "rejects",
    isBounded: true,
  },
];

for (const wait of WAITS) {
  describe(`wait: ${wait.name}`, () => {
    const linkTimers = wait.asksForEnd ? 1 : 0;
    const setUp = async (): Promise<Scene> => {
      const scene = await createScene();
      await wait.prepare?.(scene);
      return scene;
    };

    it("ends by its value, and leaves no timer", async () => {
      const scene = await setUp();
      let settled = false;
      const waiting = wait.start(scene, wait.isBounded ? { timeoutMs: TIMEOUT_MS } : {}).finally(() => {
        settled = true;
      });
      await scene.rig.clock.advance(TIMEOUT_MS - 1);
      assert.equal(settled, false, "it waits");
      await wait.fulfil(scene);
      await waiting;
      assert.equal(scene.rig.clock.pending, 0);
    });

    it(`the end of the link: ${wait.onLinkEnd}`, async () => {
      const scene = await setUp();
      let settled = false;
      const waiting = wait.start(scene, {}).finally(() => {
        settled = true;
      });
      waiting.catch(() => {});
      await scene.rig.settle();
      await scene.rig.disconnect(HANDLE, 0x08);
      if (wait.onLinkEnd === "resolves") await waiting;
      else if (wait.onLinkEnd === "rejects") {
        await assert.rejects(waiting, {
          name: "DeviceDisconnectedError",
          code: "device-disconnected",
          reason: 0x08,
        });
      } else assert.equal(settled, false);
    });

    it("a lost controller ends it as the end of the link does", async () => {
      const scene = await setUp();
      const waiting = wait.start(scene, {});
      waiting.catch(() => {});
      await scene.rig.settle();
      scene.rig.controller.fail("unplugged");
      await scene.rig.settle();
      if (wait.onLinkEnd === "resolves") await waiting;
      else if (wait.onLinkEnd === "rejects") {
        await assert.rejects(waiting, { name: "DeviceDisconnectedError", reason: 0x03 });
      }
    });

    if (!wait.isBounded) return;

    it("ends by its timeout, not a moment before, and leaves no timer", async () => {
      const scene = await setUp();
      let settled = false;
      const waiting = wait.start(scene, { timeoutMs: TIMEOUT_MS }).finally(() => {
        settled = true;
      });
      waiting.catch(() => {});
      await scene.rig.clock.advance(TIMEOUT_MS - 1);
      assert.equal(settled, false);
      await scene.rig.clock.advance(1);
      await assert.rejects(waiting, { name: "TimeoutError", code: "timeout", timeoutMs: TIMEOUT_MS });
      assert.equal(scene.rig.clock.pending, linkTimers);
    });

    it("ends by a timeout of 0", async () => {
      const scene = await setUp();
      const waiting = wait.start(scene, { timeoutMs: 0 });
      waiting.catch(() => {});
      await scene.rig.clock.advance(0);
      await assert.rejects(waiting, { name: "TimeoutError" });
    });

    it("ends by its signal with the signal's reason, and lets go of the signal", async () => {
      const scene = await setUp();
      const aborter = new AbortController();
      const counts = countListeners(aborter.signal);
      const reason = new Error("the user left");
      const waiting = wait.start(scene, { timeoutMs: TIMEOUT_MS, signal: aborter.signal });
      waiting.catch(() => {});
      await scene.rig.settle();
      aborter.abort(reason);
      await scene.rig.settle();
      await assert.rejects(waiting, reason);
      assert.equal(counts.now, 0);
      assert.equal(scene.rig.clock.pending, linkTimers);
    });

    it("ends at once by a signal that is aborted already", async () => {
      const scene = await setUp();
      const waiting = wait.start(scene, { signal: AbortSignal.abort(new Error("too late")) });
      waiting.catch(() => {});
      await scene.rig.settle();
      await assert.rejects(waiting, /too late/);
      assert.equal(scene.rig.clock.pending, linkTimers);
    });

    it("lets go of a signal when it ends by its value", async () => {
      const scene = await setUp();
      const aborter = new AbortController();
      const counts = countListeners(aborter.signal);
      const waiting = wait.start(scene, { signal: aborter.signal });
      await scene.rig.settle();
      assert.equal(counts.now, 1);
      await wait.fulfil(scene);
      await waiting;
      assert.equal(counts.now, 0);
    });

    it("throws or rejects RangeError for a bad timeoutMs, and does not start", async () => {
      const scene = await setUp();
      for (const timeoutMs of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
        await assert.rejects(async () => await wait.start(scene, { timeoutMs }), RangeError);
      }
      assert.equal(scene.connection.isConnected(), true);
      assert.equal(scene.rig.clock.pending, 0);
    });
  });
}

/** How many listeners a signal has now. */
function countListeners(signal: AbortSignal): { now: number } {
  const counts = { now: 0 };
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<AbortSignal["addEventListener"]>) => {
    counts.now++;
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<AbortSignal["removeEventListener"]>) => {
    counts.now--;
    removeEventListener.apply(signal, args);
  };
  return counts;
}

describe("DeviceConnection", () => {
  it("disconnect(): sends reason 0x13, resolves when the link is down; afterwards it does nothing", async () => {
    const { rig, connection } = await createScene();
    const down = connection.disconnect();
    await rig.settle();
    assert.deepEqual(rig.controller.take(), ["01 06 04 03 40 00 13"]);
    await rig.disconnect(HANDLE, 0x16);
    await down;
    assert.equal(connection.isConnected(), false);
    await connection.disconnect();
    await connection.disconnected();
    await connection.disconnected({ disconnect: true });
    assert.deepEqual(rig.controller.take(), []);
  });

  it("disconnect(): times out after 2 s by default, also when timeoutMs is undefined", async () => {
    for (const options of [undefined, {}, { timeoutMs: undefined }]) {
      const { rig, connection } = await createScene();
      const timedOut = assert.rejects(connection.disconnect(options), {
        name: "TimeoutError",
        timeoutMs: 2000,
      });
      await rig.clock.advance(2000);
      await timedOut;
      assert.equal(connection.isConnected(), true, "the peer is still there");
    }
  });

  it("disconnect(): a refusal of the controller is reported at once and leaves no wait behind", async () => {
    const { rig, connection } = await createScene();
    rig.controller.script(0x0406, () => [Uint8Array.from([4, 0x0f, 4, 0x0c, 1, 0x06, 0x04])]);
    const refused = assert.rejects(connection.disconnect(), { name: "HciError", status: 0x0c });
    await rig.settle();
    await refused;
    await rig.clock.advance(10_000);
  });

  it("disconnected(): ending the wait early touches neither the link nor other waits", async () => {
    const { rig, connection } = await createScene();
    const short = assert.rejects(connection.disconnected({ timeoutMs: 10 }), { name: "TimeoutError" });
    const long = connection.disconnected();
    await rig.clock.advance(10);
    await short;
    assert.equal(connection.isConnected(), true);
    await rig.disconnect();
    await long;
  });

  it("disconnected() has no hidden deadline", async () => {
    const { rig, connection } = await createScene();
    const down = connection.disconnected();
    await rig.clock.advance(30 * 24 * 3600 * 1000);
    assert.equal(connection.isConnected(), true);
    await rig.disconnect();
    await down;
  });

  it("timeout(): a signal that aborts with TimeoutError, or DeviceDisconnectedError, whichever comes first", async () => {
    const first = await createScene();
    const timed = first.connection.timeout(100);
    assert.equal(timed.aborted, false);
    await first.rig.clock.advance(100);
    assert.equal((timed.reason as Error).name, "TimeoutError");
    const guarded = first.connection.timeout(100);
    const unbounded = [first.connection.timeout(), first.connection.timeout(0)];
    await first.rig.disconnect(HANDLE, 0x08);
    for (const signal of [guarded, ...unbounded]) {
      assert.equal((signal.reason as Error).name, "DeviceDisconnectedError");
      assert.equal((signal.reason as { reason: number }).reason, 0x08);
    }
    const late = first.connection.timeout(100);
    assert.equal(late.aborted, true, "at once on a dead link");
    assert.equal((late.reason as { reason: number }).reason, 0x08);
    assert.equal(first.rig.clock.pending, 0);
    assert.throws(() => first.connection.timeout(-1), RangeError);
  });

  it("await using: ends the link at the end of the block, and a dead one is no error", async () => {
    const { rig, connection } = await createScene();
    const block = (async () => {
      await using held = connection;
      assert.equal(held.isConnected(), true);
    })();
    await rig.settle();
    assert.deepEqual(rig.controller.take(), ["01 06 04 03 40 00 13"]);
    await rig.disconnect(HANDLE, 0x16);
    await block;
    await (async () => {
      await using _held = connection;
    })();
  });

  it("await using: a peer that does not confirm is left to its supervision timeout, with a line in the log", async () => {
    const { rig, connection } = await createScene();
    const block = (async () => {
      await using _held = connection;
      throw new Error("from the block");
    })();
    const failed = assert.rejects(block, /from the block/);
    await rig.clock.advance(2000);
    await failed;
    assert.ok(rig.log.some(([, text]) => text.includes("did not confirm")));
  });

  it("await using: a controller that is lost meanwhile does not throw", async () => {
    const { rig, connection } = await createScene();
    rig.controller.script(0x0406, SILENCE);
    const block = (async () => {
      await using _held = connection;
    })();
    await rig.settle();
    rig.controller.fail("unplugged");
    await rig.settle();
    await block;
    assert.equal(connection.isConnected(), false);
  });

  it("prints itself", async () => {
    const { rig, connection } = await createScene();
    assert.equal(`${connection}`, "DeviceConnection(Device(ADDR_RANDOM, c6:05:04:03:02:01), connected)");
    await rig.disconnect();
    assert.equal(`${connection}`, "DeviceConnection(Device(ADDR_RANDOM, c6:05:04:03:02:01), disconnected)");
  });
});

describe("a link that ends with everything waiting on it", () => {
  it("ends every wait with its reason, and nothing is left", async () => {
    const scene = await createScene();
    const { rig, connection, characteristic } = scene;
    await subscribe(scene);
    rig.controller.autoComplete = false;
    const notified = Array.from({ length: 10 }, () => characteristic.notify(connection, "x"));
    const results = Promise.allSettled([
      ...notified,
      characteristic.written({ signal: connection.timeout(60_000) }),
      connection.disconnected(),
    ]);
    await rig.disconnect(HANDLE, 0x13);
    const states = (await results).map((result) => result.status);
    assert.deepEqual(states.slice(0, 4), new Array(4).fill("fulfilled"), "the controller had taken these");
    assert.deepEqual(states.slice(4), [...new Array(7).fill("rejected"), "fulfilled"]);
    assert.equal(rig.clock.pending, 0);
  });

  it("its credits are another link's at once", async () => {
    const scene = await createScene();
    const { rig, connection, characteristic } = scene;
    await subscribe(scene);
    rig.controller.autoComplete = false;
    for (let n = 0; n < 10; n++) characteristic.notify(connection, "x").catch(() => {});
    await rig.disconnect();
    const advertising = rig.aioble.advertise({ intervalUs: 100_000 });
    await rig.settle();
    await rig.connect(HANDLE);
    await advertising;
    rig.controller.deliver(aclFrame(HANDLE, ATT, [0x0a, ...le16(3)]));
    rig.controller.sent.length = 0;
    await rig.settle();
    assert.equal(rig.controller.sent.filter((packet) => packet[0] === 0x02).length, 1);
  });
});
