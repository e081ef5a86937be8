/** The steps of a script with both phones: the simulator's, and our own stack. What one sees of a camera the other sees too. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { PairingAgent } from "../../../firmware/aioble/pairing-agent.ts";
import { UUID } from "../../../firmware/ble/uuid.ts";
import { type Play, playWith, type Scene } from "../../support/script-phones.ts";

/** Plays a script with both; returns what both saw. */
async function both(play: Play, ...lines: string[]): Promise<string[]> {
  const script = lines.join("\n");
  const virtual = await playWith("the virtual phone", play, script);
  const own = await playWith("our own stack", play, script);
  assert.deepEqual(own, virtual);
  return own;
}

/** Names of what was seen, and the sentence at the end, if there is one. */
const names = (seen: readonly string[]): string[] =>
  seen.map((line) => (line.startsWith("{") ? (JSON.parse(line) as { event: string }).event : line));

const of = (seen: readonly string[], event: string): string[] =>
  seen.filter((line) => line.startsWith(`{"event":"${event}"`));

const SERVICE = new UUID("4f627363-7572-6100-8000-0000000000f0");
const LONG = Uint8Array.from({ length: 300 }, (_, index) => index & 0xff);

/** Values of every kind, and an answer to what is written. */
const server: Play = ({ aioble }) => {
  const { Characteristic, Descriptor, registerServices, Service } = aioble;
  const service = new Service(SERVICE);
  const text = new Characteristic(service, new UUID(0x2b00), {
    read: true,
    write: true,
    writeNoResponse: true,
    initial: "empty",
  });
  new Descriptor(text, new UUID(0x2901), { read: true, initial: "a text" });
  const notified = new Characteristic(service, new UUID(0x2b01), { read: true, notify: true });
  const indicated = new Characteristic(service, new UUID(0x2b02), { indicate: true });
  new Characteristic(service, new UUID(0x2b03), { read: true, initial: LONG });
  new Characteristic(service, new UUID(0x2b03), { read: true, initial: "second" });
  new Characteristic(service, new UUID(0x2b04), {
    read: true,
    write: true,
    initial: "secret",
    security: "encrypted",
  });
  registerServices(service);
  text.onWrite = (_, data) => (data[0] === 0xff ? 0x80 : undefined);
  const answer = async (): Promise<never> => {
    for (;;) {
      await text.written();
      notified.write(text.read(), { sendUpdate: true });
      indicated.write(text.read(), { sendUpdate: true });
    }
  };
  answer().catch(() => undefined);
};

/** The same, advertised again after each link. */
const serve =
  (
    onLink: (
      scene: Scene,
      connection: Awaited<ReturnType<Scene["aioble"]["advertise"]>>,
    ) => unknown = () => {},
  ): Play =>
  (scene) => {
    server(scene);
    const { advertise } = scene.aioble;
    const run = async (): Promise<never> => {
      for (;;) {
        const connection = await advertise({ intervalUs: 100_000, name: "lamp" });
        await onLink(scene, connection);
        await connection.disconnected();
      }
    };
    run().catch(() => undefined);
  };

describe("obscura phone: both phones see the same", () => {
  it("of a camera's advertising, its database and its values", async () => {
    const seen = await both(
      serve(),
      'find "lamp"',
      "connect",
      "database",
      "read 2b00",
      'expect value "empty"',
      "read 2b00/2901",
      "read 2b03",
      "read 2b03[2]",
      'expect value "second"',
      "write 2b00 0102",
      "read 2b00",
      "expect value 01..",
      "subscribe all",
      "write 2b00 030405",
      "expect notification 2b01 030405",
      "subscribe 2b02 indications",
      "write 2b00 06 without response",
      "notifications 2",
      "unsubscribe 2b01",
      "write 2b00 07",
      "expect notification 2b02 07",
      "expect silence 2 s",
      "disconnect",
      "find again",
      "connect mtu 23",
      "read 2b03",
      "disconnect",
      "find again",
      "connect mtu 517",
      "read 2b03",
      "disconnect",
    );
    assert.equal(names(seen).at(-1), "done");
    assert.equal(
      of(seen, "value").filter((line) => line.includes(Buffer.from(LONG).toString("hex"))).length,
      3,
    );
    assert.equal(of(seen, "notification").length, 4);
    assert.deepEqual(
      of(seen, "mtu").map((line) => (JSON.parse(line) as { mtu: number }).mtu),
      [247, 517],
    );
  });

  it("of payloads that follow each other", async () => {
    const seen = await both(
      async ({ host, world }) => {
        const data = (value: number) => new Uint8Array([2, 0x2a, value]);
        const respData = new Uint8Array(0);
        await host.activate();
        const set = host.advertiser.acquire({ onEnded() {}, take: () => true })!;
        await set.start({ intervalUs: 100_000, connectable: false, advData: data(0), respData });
        for (let value = 1; value < 4; value++)
          world.clock.setTimer(() => set.update(data(value), respData), value * 3000);
      },
      "find",
      "listen 2 within 10 s",
      "connect",
    );
    assert.equal(of(seen, "heard").length, 2);
    assert.match(seen.at(-1)!, /^script:3: this camera advertises so that nobody can connect$/);
  });

  it("of what a camera refuses", async () => {
    const seen = await both(
      serve(),
      "connect",
      "write 2b01 00",
      "expect refusal 0x03",
      "write 2b00 ff",
      "expect refusal 0x80",
      "read 2b02",
      "expect refusal 0x02",
      "read 2b04",
      "expect refusal 0x05",
      "write 2b04 00",
      "expect refusal 0x06",
    );
    assert.deepEqual(
      of(seen, "refused").map((line) => (JSON.parse(line) as { code: number }).code),
      [3, 0x80, 2, 5, 5],
    );
    assert.equal(seen.at(-1), "script:11: expected a refusal with 0x06, it was 0x05");
  });

  it("of all that can be read and subscribed to, where some is refused", async () => {
    const protecting: Play = (scene) => {
      const { Characteristic, Descriptor, registerServices, Service } = scene.aioble;
      const service = new Service(SERVICE);
      const security = "encrypted";
      new Characteristic(service, new UUID(0x2b00), { read: true, notify: true, initial: "a", security });
      const open = new Characteristic(service, new UUID(0x2b01), { read: true, notify: true, initial: "b" });
      new Descriptor(open, new UUID(0x2901), { read: true, initial: "c", security });
      registerServices(service);
      scene.aioble.advertise({ intervalUs: 100_000, name: "lamp" }).catch(() => undefined);
    };
    const seen = await both(protecting, "connect", "read all", "subscribe all", "disconnect");
    assert.equal(names(seen).at(-1), "done", seen.join("\n"));
    const refused = of(seen, "refused").map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(
      refused.map(({ uuid, what, code }) => [uuid, what, code]),
      [
        ["2B00", "read", 5],
        ["2901", "read", 5],
        ["2B00", "subscribe", 5],
      ],
    );
    const isOf2b01 = (line: string): boolean => line.includes('"2B01"');
    assert.ok(of(seen, "value").some(isOf2b01));
    assert.ok(of(seen, "subscribed").some(isOf2b01));
  });

  for (const [lines, sentence] of [
    [
      ['find "nobody" within 2 s'],
      /^script:1: the phone waited in vain for an advertisement of nobody \(2000 ms\)$/,
    ],
    [["find again"], /^script:1: no camera was found before$/],
    [["read 2b00"], /^script:1: this phone is not connected: connect first$/],
    [["connect", "read 2aff"], /^script:2: the camera has no characteristic 2AFF$/],
    [["connect", "subscribe 2b00"], /^script:2: .* has no client characteristic configuration$/],
    [
      [
        "connect",
        `write 2b00 ${"00".repeat(244)} without response`,
        `write 2b00 ${"00".repeat(245)} without response`,
      ],
      /^script:3: a write without response takes 244 bytes on this link, and not 245$/,
    ],
    [["connect", "encrypt"], /^script:2: this phone has no bond with the camera: pair first$/],
    [["find", "forget"], /^script:2: this phone has no bond with the camera$/],
    [["connect", "disconnect", "read 2b00"], /^script:3: this phone is not connected: connect first$/],
    [["connect", "disconnect", "disconnect"], /^script:3: this phone is not connected: connect first$/],
    [
      ["connect", "expect disconnection within 1 s"],
      /^script:2: the phone waited in vain for the end of the link/,
    ],
    [["connect", "notifications 1 within 1 s"], /^script:2: 0 of 1 notifications came within 1 s$/],
  ] as const)
    it(`of a mistake: ${lines.join(", ")}`, async () => {
      const seen = await both(serve(), ...lines);
      assert.match(seen.at(-1)!, sentence);
    });

  it("of one that nobody asks anything for minutes", async () => {
    const patient: Play = (scene) => {
      scene.aioble.config({ idleTimeoutMs: 0 });
      serve()(scene);
    };
    const seen = await both(patient, "connect", "wait 300 s", "read 2b00", 'expect value "empty"');
    assert.equal(names(seen).at(-1), "done", seen.join("\n"));
  });

  it("of a camera that leaves, and of one that is gone", async () => {
    let links = 0;
    const leaving = serve(async (scene, connection) => {
      await scene.world.clock.sleep(2000);
      if (++links % 2 === 1) await connection.disconnect();
      else await scene.aioble.stop();
    });
    const seen = await both(
      leaving,
      "connect",
      "expect disconnection within 10 s",
      "find again",
      "connect",
      "notifications 1",
    );
    assert.match(of(seen, "disconnected")[0]!, /"reason":19/);
    assert.match(seen.at(-1)!, /^script:5: the link ended with reason 0x1[35]$/);
  });

  it("of one that has gone between being found and being connected to", async () => {
    const seen = await both(
      ({ aioble, world }) => {
        aioble.advertise({ intervalUs: 100_000 }).catch(() => undefined);
        world.clock.setTimer(() => void aioble.stop(), 3000);
      },
      "find",
      "wait 4 s",
      "connect",
    );
    assert.equal(seen.at(-1), "script:3: no link came up within 10000 ms");
  });
});

const AGENTS: Readonly<Record<string, (say: (text: string) => void) => PairingAgent | undefined>> = {
  nothing: () => undefined,
  display: (say) => ({ display: ({ passkey }) => say(`type ${passkey}`) }),
  input: () => ({ input: () => "271828" }),
  "display and compare": (say) => ({
    display: ({ passkey }) => say(`type ${passkey}`),
    compare: () => true,
  }),
};

/** What `pair` sees with each agent, by LE Secure Connections and legacy pairing. */
const METHODS: readonly (readonly [agent: string, pair: string, secure: string, legacy: string])[] = [
  ["nothing", "", "", ""],
  ["display", 'passkey after "type "', "types", "types"],
  ["input", "passkey 271828", "shows 6", "shows 6"],
  ["display and compare", 'passkey after "type "', "compares 6", "types"],
];

const withAgent =
  (agent: string, onLink?: Parameters<typeof serve>[0]): Play =>
  (scene) => {
    scene.aioble.security.agent = AGENTS[agent]!(scene.say);
    serve(onLink)(scene);
  };

describe("obscura phone: both phones pair alike", () => {
  for (const legacy of [false, true]) {
    for (const [agent, pair, secure, old] of METHODS) {
      it(`agent with ${agent}, ${legacy ? "legacy" : "LE Secure Connections"}; the bond encrypts the next link`, async () => {
        const seen = await both(
          withAgent(agent),
          "connect",
          `pair ${legacy ? "legacy " : ""}${pair}`,
          "read 2b04",
          "disconnect",
          "find again",
          "connect",
          "read 2b04",
          "disconnect",
          "find again",
          "connect plain",
          "read 2b04",
          "expect refusal 0x0f",
          "encrypt",
          "read 2b04",
          "disconnect",
          "forget",
          "find again",
          "connect",
          "read 2b04",
          "expect refusal 0x0f",
        );
        assert.equal(names(seen).at(-1), "done", seen.join("\n"));
        const asked = legacy ? old : secure;
        if (asked !== "") assert.ok(names(seen).includes(asked), seen.join("\n"));
        const paired = {
          encrypted: true,
          authenticated: asked !== "" && !legacy,
          secureConnections: !legacy,
        };
        assert.deepEqual(of(seen, "paired"), [JSON.stringify({ event: "paired", ...paired })]);
        assert.equal(of(seen, "value").length, 3);
        assert.equal(of(seen, "encrypted").length, 2);
      });
    }
  }

  for (const [name, agent, pair, code] of [
    ["a passkey that is wrong", "display", "pair passkey 000000", 0x04],
    ["a passkey that nobody types", "display", "pair", 0x01],
    ["numbers that differ", "display and compare", "pair unequal", 0x0c],
  ] as const)
    it(`${name} end it with reason 0x${code.toString(16)}, and the next pairing may come about`, async () => {
      const seen = await both(
        withAgent(agent),
        "connect",
        pair,
        `expect refusal ${code}`,
        ...(agent === "display" ? ['expect log "type "'] : []),
        "wait 5 s",
        'pair passkey after "type "',
        "read 2b04",
      );
      assert.equal(names(seen).at(-1), "done", seen.join("\n"));
    });

  it("a camera that does not pair is a reason, too", async () => {
    const never: Play = (scene) => {
      scene.aioble.config({ pairing: "never" });
      serve()(scene);
    };
    const seen = await both(never, "connect", "pair");
    assert.equal(seen.at(-1), "script:2: the camera ended the pairing: Pairing Not Supported (0x05)");
  });

  it("a pairing that fails leaves the bond of before, and one that comes about takes its place", async () => {
    const play = withAgent("display");
    const seen = await both(
      play,
      "connect",
      'pair passkey after "type "',
      "pair passkey 000000",
      "expect refusal 0x04",
      'expect log "type "',
      "disconnect",
      "find again",
      "connect",
      "read 2b04",
      'pair passkey after "type "',
      "disconnect",
      "find again",
      "connect",
      "read 2b04",
    );
    assert.equal(names(seen).at(-1), "done", seen.join("\n"));
    assert.equal(of(seen, "encrypted").length, 2);
  });

  it("a camera that has forgotten the phone", async () => {
    const forgetful = serve((scene, connection) => {
      connection.disconnected().then(() => scene.aioble.security.bonds.clear());
    });
    const seen = await both(
      forgetful,
      "connect",
      "pair",
      "disconnect",
      "find again",
      "connect plain",
      "encrypt",
      "expect refusal 0x06",
      "pair",
      "disconnect",
      "find again",
      "connect",
    );
    assert.equal(of(seen, "paired").length, 2);
    assert.equal(seen.at(-1), "script:11: encryption failed with 0x6");
  });

  it("a Security Request waits for the step where there is no bond, and is answered with its key where there is one", async () => {
    let outcome = "";
    const asking = serve(async (scene, connection) => {
      outcome = "";
      connection.pair().then(
        () => {
          outcome = "encrypted";
          scene.say("asked and paired");
        },
        (error: Error) => {
          outcome = error.message;
        },
      );
    });
    const seen = await both(
      asking,
      "connect",
      "wait 5 s",
      "read 2b04",
      "expect refusal 0x05",
      "pair",
      'expect log "asked and paired"',
      "disconnect",
      "find again",
      "connect plain",
      'expect log "asked and paired"',
      "read 2b04",
    );
    assert.equal(names(seen).at(-1), "done", `${outcome}\n${seen.join("\n")}`);
    assert.equal(of(seen, "paired").length, 1);
  });
});

describe("obscura phone: what our own stack does beside", () => {
  const own = (play: Play, ...lines: string[]): Promise<string[]> =>
    playWith("our own stack", play, lines.join("\n"));

  it("finds a bonded camera again under another private address, by its identity", async () => {
    const hiding: Play = (scene) => {
      scene.aioble.config({ addrMode: 2, rpaTimeoutMs: 1000 });
      serve()(scene);
    };
    const seen = await own(
      hiding,
      "connect",
      "pair",
      "disconnect",
      "find again",
      "wait 5 s",
      "find again",
      "connect",
      "read 2b04",
      "disconnect",
      "forget",
      "find again within 5 s",
    );
    const addresses = [...of(seen, "found"), ...of(seen, "advertisingAgain")].map(
      (line) => (JSON.parse(line) as { address: string }).address,
    );
    assert.equal(addresses.length, 3);
    assert.notEqual(addresses[0], addresses[1]);
    assert.equal(addresses[1], addresses[2]);
    assert.match(seen.at(-1)!, /^script:11: the phone waited in vain for an advertisement of /);
  });

  it("writes a long value in parts, and refuses one without response that does not fit a packet", async () => {
    const seen = await own(
      serve(),
      "connect mtu 23",
      `write 2b00 ${"ab".repeat(300)}`,
      "expect refusal 0x0d",
      `write 2b00 ${"ab".repeat(20)} without response`,
      `write 2b00 ${"ab".repeat(21)} without response`,
    );
    assert.equal(of(seen, "written").length, 1);
    assert.equal(seen.at(-1), "script:5: a write without response takes 20 bytes on this link, and not 21");
  });

  it("and the virtual phone refuses a long value, instead of a packet that the camera takes for malformed", async () => {
    const script = `connect mtu 23\nwrite 2b00 ${"ab".repeat(20)}\nwrite 2b00 ${"ab".repeat(21)}`;
    const seen = await playWith("the virtual phone", serve(), script);
    assert.equal(seen.at(-1), "script:3: a write takes 20 bytes on this link, and not 21");
  });

  it("does not connect twice to one camera", async () => {
    const seen = await own(serve(), "connect", "connect");
    assert.equal(seen.at(-1), "script:2: the phone is connected to this camera already: disconnect first");
  });
});
