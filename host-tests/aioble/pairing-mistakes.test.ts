/** Mistakes of an application about pairing, and what it is told of failures that it has not caused. */
import type { PairingAgent } from "../../firmware/aioble/pairing-agent.ts";
import type { PairOptions } from "../../firmware/aioble/security.ts";
import { deepEqual, equal, ok, rejects, throws } from "../support/assert.ts";
import { type AiobleCamera, diagnostics } from "../support/cameras.ts";
import { createPair } from "../support/pairing-cameras.ts";
import { describe, it } from "../support/suite.ts";

const linesOf = ({ platform }: AiobleCamera): string[] => platform.console.map(({ message }) => message);

describe("pairing: mistakes", () => {
  const AGENTS: readonly (readonly [unknown, RegExp])[] = [
    [{}, /agent has none of display, input, compare, accept, keypress and oob/],
    [
      { displayPasskey() {} },
      /agent: unknown key "displayPasskey"; there are display, input, compare, accept, keypress, oob$/,
    ],
    [{ display() {}, acept: () => true }, /agent: unknown key "acept"/],
    [{ display() {}, Compare: () => true }, /agent: unknown key "Compare": write compare$/],
    [{ input: () => 1, signal: undefined }, /agent: unknown key "signal"/],
    [Object.assign(Object.create(null), { accept: () => true, oop: {} }), /agent: unknown key "oop"/],
    [new (class {})(), /agent has none of display/],
    [{ compare: () => true }, /compare needs display/],
    [{ compare: () => true, input: () => 1 }, /compare needs display/],
    [{ accept: () => true, oob: {} }, /oob is empty/],
  ];
  it("an agent that would be worth less than it looks is a TypeError, for security.agent and for pair()", async () => {
    const { world, central, meet } = createPair();
    await world.run(async () => {
      const { outgoing } = await meet();
      for (const [agent, message] of AGENTS) {
        throws(() => {
          central.aioble.security.agent = agent as PairingAgent;
        }, message);
        equal(central.aioble.security.agent, undefined);
        throws(() => outgoing.pair({ agent: agent as PairingAgent }), message);
      }
      central.aioble.security.agent = { accept: () => true };
      central.aioble.security.agent = undefined;
      equal(outgoing.encrypted, false);
    });
  });

  it("an agent of a class may have what its functions need besides", () => {
    const { central } = createPair();
    class Panel implements PairingAgent {
      readonly shown: string[] = [];
      display({ passkey }: { readonly passkey: string }): void {
        this.show(passkey);
      }
      show(text: string): void {
        this.shown.push(text);
      }
    }
    const panel = new Panel();
    central.aioble.security.agent = panel;
    equal(central.aioble.security.agent, panel);
  });

  it("options of pair() that say nothing are a TypeError", async () => {
    const { world, meet } = createPair();
    await world.run(async () => {
      const { outgoing } = await meet();
      for (const [options, message] of [
        [{ oob: {} }, /oob is empty/],
        [{ methods: [] }, /methods is a list of at least one/],
        [{ methods: "justWorks" }, /methods is "justWorks", which is no list/],
        [{ methods: null }, /methods is null, which is no list/],
      ] as const) {
        throws(() => outgoing.pair(options as unknown as PairOptions), message);
      }
      equal(outgoing.encrypted, false);
    });
  });

  it("methods of which none can come about are a TypeError at once; one that can is enough", async () => {
    const display = (): void => undefined;
    const input = (): Promise<string> => new Promise(() => {});
    const compare = (): boolean => true;
    const oob = { temporaryKey: new Uint8Array(16) };
    for (const [possible, options] of [
      [false, { methods: ["passkey"] }],
      [false, { methods: ["comparison"] }],
      [false, { methods: ["passkey", "comparison", "outOfBand"] }],
      [false, { methods: ["comparison"], agent: { display } }],
      [false, { methods: ["comparison"], agent: { input } }],
      [false, { methods: ["comparison"], agent: { display, compare }, leSecure: false }],
      [false, { methods: ["passkey"], agent: { display }, leSecure: false, mitm: true }],
      [false, { methods: ["justWorks"], agent: { display }, mitm: true }],
      [false, { methods: ["outOfBand"], agent: { display } }],
      [false, { methods: ["passkey"], oob }],
      [true, { methods: ["justWorks"] }],
      [true, { methods: ["passkey", "justWorks"] }],
      [true, { methods: ["passkey"], agent: { display } }],
      [true, { methods: ["passkey"], agent: { input } }],
      [true, { methods: ["comparison"], agent: { display, compare } }],
      [true, { methods: ["outOfBand"], oob }],
    ] as const) {
      const { world, meet } = createPair();
      await world.run(async () => {
        const { outgoing } = await meet();
        const pair = (): Promise<void> =>
          outgoing.pair({ ...options, timeoutMs: 10 } as unknown as PairOptions);
        if (!possible) throws(pair, /none of methods .* can come about/);
        else await pair().catch(({ name }: Error) => ok(name !== "TypeError", JSON.stringify(options)));
      });
    }
    const { world, central, meet } = createPair();
    central.aioble.config({ secureOnly: true });
    await world.run(async () => {
      const { outgoing } = await meet();
      throws(() => outgoing.pair({ methods: ["justWorks"] }), /none of methods/);
      throws(() => outgoing.pair({ methods: ["outOfBand"] }), /none of methods/);
      central.aioble.security.localOob();
      await rejects(outgoing.pair({ methods: ["outOfBand"], timeoutMs: 10 }), { code: "timeout" });
    });
  });

  it('openPairing() names its own options, and opens nothing under pairing: "never", which the log says', async () => {
    const { world, peripheral } = createPair();
    const { config, security } = peripheral.aioble;
    await world.run(async () => {
      for (const durationMs of [Number.POSITIVE_INFINITY, -1, Number.NaN]) {
        throws(() => security.openPairing({ durationMs }), /durationMs/);
      }
      equal(security.isPairingOpen, false);
      config({ pairing: "never" });
      security.openPairing({ durationMs: 60_000 });
      equal(security.isPairingOpen, false);
      equal(linesOf(peripheral).filter((line) => line.includes("lets nobody pair while config")).length, 1);
      config({ pairing: "window" });
      equal(security.isPairingOpen, true, "config lets it");
    });
  });

  it("security.bonds can be gone through as its list", async () => {
    const { world, central, meet } = createPair();
    await world.run(async () => {
      await (await meet()).outgoing.pair();
      const { bonds } = central.aioble.security;
      deepEqual(
        [...bonds].map(({ device }) => device.addrHex()),
        bonds.list().map(({ device }) => device.addrHex()),
      );
      equal([...bonds].length, 1);
    });
  });
});

describe("pairing: what is said of failures", () => {
  it("a display that fails is named, beside an input that gives nothing", async () => {
    const { world, central, peripheral, meet } = createPair();
    peripheral.aioble.security.agent = { input: () => new Promise(() => {}) };
    await world.run(async () => {
      const { outgoing } = await meet();
      const display = (): void => {
        throw new Error("dark");
      };
      const error = await outgoing
        .pair({ mitm: true, agent: { display } })
        .catch((failure: Error) => failure);
      ok(error?.message.includes("the agent's display failed"), String(error));
      ok(
        linesOf(central).some((line) => line.includes("the agent's display failed") && line.includes("dark")),
      );
    });
  });

  it("an accept that fails is named as the agent has it", async () => {
    const { world, peripheral, meet } = createPair();
    const accept = (): never => {
      throw new Error("dark");
    };
    peripheral.aioble.security.agent = { accept };
    await world.run(async () => {
      const { outgoing } = await meet();
      await rejects(outgoing.pair(), { code: "pairing-failed" });
      const lines = linesOf(peripheral).filter((line) => line.includes("the agent's"));
      ok(lines.length === 1 && lines[0]!.includes("the agent's accept failed: Error: dark"), lines.join());
    });
  });

  it("pair() that is given up by its timeoutMs: the log says that, and accuses nobody", async () => {
    const { world, central, peripheral, meet } = createPair();
    peripheral.aioble.security.agent = { input: () => new Promise(() => {}) };
    await world.run(async () => {
      const { outgoing } = await meet();
      await rejects(outgoing.pair({ mitm: true, agent: { display() {} }, timeoutMs: 2000 }), {
        code: "timeout",
      });
      const [line] = diagnostics(central).filter((each) => each.includes("pairing failed"));
      ok(line?.includes("pair() was given up, by its timeoutMs or its signal"), line);
    });
  });

  it("a user may take as long as the Specification lets a step take, 30 s, without a timeoutMs", async () => {
    for (const [tookMs, code] of [
      [24_000, undefined],
      [31_000, "pairing-timeout"],
    ] as const) {
      const { world, peripheral, meet } = createPair();
      let shown = "";
      peripheral.aioble.security.agent = {
        display({ passkey }) {
          shown = passkey;
        },
      };
      await world.run(async () => {
        const { outgoing } = await meet();
        const agent: PairingAgent = {
          async input() {
            await world.clock.sleep(tookMs);
            return shown;
          },
        };
        const paired = outgoing.pair({ mitm: true, agent });
        if (code) await rejects(paired, { code });
        else await paired;
        equal(outgoing.authenticated, code === undefined);
        await world.clock.sleep(2000);
      });
    }
  });
});
