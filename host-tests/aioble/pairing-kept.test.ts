/** What stays of pairings that are over: nothing, in whichever way they end. */
import type { PairingAgent } from "../../firmware/aioble/pairing-agent.ts";
import { deepEqual, equal, ok } from "../support/assert.ts";
import type { AiobleCamera } from "../support/cameras.ts";
import { grown, keptBy } from "../support/kept.ts";
import { createPair, type Pair } from "../support/pairing-cameras.ts";
import { describe, it } from "../support/suite.ts";

/** How the user who decides ends it, or whoever else does. */
const ENDS = ["well", "no", "given up", "link lost", "radio off"] as const;
type End = (typeof ENDS)[number];

/** The functions that the beginner's agent has, and the responder's; `decider` has the one which decides. */
const METHODS = {
  "Just Works": { beginner: [], responder: ["accept"], decider: "responder" },
  comparison: { beginner: ["display", "compare"], responder: ["display", "compare"], decider: "responder" },
  "a passkey that the beginner shows": { beginner: ["display"], responder: ["input"], decider: "responder" },
  "a passkey that the responder shows": {
    beginner: ["input"],
    responder: ["accept", "display"],
    decider: "beginner",
  },
} as const satisfies Record<
  string,
  Record<"beginner" | "responder", readonly (keyof PairingAgent)[]> & { readonly decider: string }
>;
type Method = keyof typeof METHODS;

interface Handed {
  readonly what: string;
  readonly signal: { readonly aborted: boolean };
}

/** Two users, of whom one ends each pairing as it is to end. */
class Users {
  readonly handed: Handed[] = [];
  private end: End = "well";
  private tell: (passkey: string) => void = () => {};
  private told: Promise<string> = Promise.resolve("");

  /** The next pairing is to end so. */
  expect(end: End): void {
    this.end = end;
    this.handed.length = 0;
    this.told = new Promise((resolve) => {
      this.tell = resolve;
    });
  }

  /** @param decides the last of its functions decides */
  agentOf(names: readonly (keyof PairingAgent)[], decides: boolean): PairingAgent {
    const handed = (what: string, { signal }: Pick<Handed, "signal">): void => {
      this.handed.push({ what, signal });
    };
    const decided = <T>(what: string, yes: T, no: Awaited<T>) => {
      if (!decides || what !== names.at(-1) || this.end === "well") return yes;
      return this.end === "no" ? no : new Promise<Awaited<T>>(() => {});
    };
    const all: PairingAgent = {
      accept(request) {
        handed("accept", request);
        return decided("accept", true, false);
      },
      display: (request) => {
        handed("display", request);
        this.tell(request.passkey);
      },
      input: (request) => {
        handed("input", request);
        return decided<Promise<string | undefined>>("input", this.told, undefined);
      },
      compare(request) {
        handed("compare", request);
        return decided("compare", true, false);
      },
    };
    return Object.fromEntries(names.map((name) => [name, all[name]]));
  }
}

type Side = "central" | "peripheral";

class Scene {
  private readonly pair: Pair;
  private readonly method: Method;
  private readonly by: Side;
  private readonly users = new Users();

  constructor(pair: Pair, method: Method, by: Side) {
    this.pair = pair;
    this.method = method;
    this.by = by;
    const { responder, decider } = METHODS[method];
    this.responder.aioble.security.agent = this.users.agentOf(responder, decider === "responder");
  }

  private get responder(): AiobleCamera {
    return this.by === "central" ? this.pair.peripheral : this.pair.central;
  }

  /** One link, with one pairing. @returns what the users were handed whose signal does not say that it is over */
  async play(end: End): Promise<string[]> {
    const { by, method, pair, responder, users } = this;
    const { world, central, peripheral } = pair;
    users.expect(end);
    const { outgoing, incoming } = await pair.meet();
    const [mine, theirs] = by === "central" ? [outgoing, incoming] : [incoming, outgoing];
    const { beginner, decider } = METHODS[method];
    const agent = beginner.length > 0 ? { agent: users.agentOf(beginner, decider === "beginner") } : {};
    const limit = end === "given up" ? { timeoutMs: 3000 } : {};
    const outcome = mine.pair({ mitm: method !== "Just Works", ...limit, ...agent }).then(
      () => true,
      () => false,
    );
    await world.clock.sleep(2000);
    ok(users.handed.length > 0, "nobody was asked");
    if (end === "link lost") await theirs.disconnect();
    if (end === "radio off") await responder.aioble.stop();
    equal(await outcome, end === "well");
    await world.clock.sleep(2000);
    equal(mine.isConnected(), end !== "link lost" && end !== "radio off");
    const open = users.handed.filter(({ signal }) => !signal.aborted).map(({ what }) => what);
    await mine.disconnect();
    await theirs.disconnected();
    for (const { aioble } of [central, peripheral]) aioble.security.bonds.clear();
    // Nobody has to wait for what failed before.
    await world.clock.sleep(300_000);
    return open;
  }

  /** One of each end. */
  async playAll(): Promise<Record<string, string[]>> {
    const open: Record<string, string[]> = {};
    for (const end of ENDS) open[end] = await this.play(end);
    return open;
  }
}

function kept({ host, aioble, bluetooth }: AiobleCamera): Record<string, number> {
  const { encryption, platform } = host;
  // Failures are remembered on purpose, as many as there is room for.
  const { attempts } = encryption!.manager;
  return keptBy({ host, aioble, bluetooth }, [platform, ...Object.values(platform), attempts]);
}

describe("pairing: what stays", () => {
  const none = Object.fromEntries(ENDS.map((end) => [end, []]));
  for (const method of Object.keys(METHODS) as Method[]) {
    for (const by of ["central", "peripheral"] as const) {
      it(`of ${method}, begun by the ${by}, however it ends: every signal is aborted, and no collection has grown`, async () => {
        const pair = createPair();
        const { world, central, peripheral } = pair;
        await world.run(async () => {
          const scene = new Scene(pair, method, by);
          deepEqual(await scene.playAll(), none);
          const before = [kept(central), kept(peripheral)] as const;
          deepEqual(await scene.playAll(), none);
          deepEqual([grown(before[0], kept(central)), grown(before[1], kept(peripheral))], [{}, {}]);
        }, 3_600_000);
      });
    }
  }
});
