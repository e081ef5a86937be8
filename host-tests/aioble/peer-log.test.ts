/** What peers make a camera say: so much, and a count of the rest. */
import { LINE_REFILL_MS, LINES_MAX } from "../../firmware/ble/peer-log.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import { equal, ok } from "../support/assert.ts";
import { counting, fromHex, le16 } from "../support/bytes.ts";
import { OWN, PSM } from "../support/channel-scene.ts";
import { ATT, createRig, HANDLE, type Rig, SIGNALING } from "../support/rig.ts";
import { aclFrame } from "../support/scripted-controller.ts";
import { describe, it } from "../support/suite.ts";

const TURNS = 60;

/** A value that fails when it is read, and one that is slow. */
interface Served extends Rig {
  readonly failing: number;
  readonly slow: number;
}

async function createServed(): Promise<Served> {
  const rig = createRig();
  rig.controller.autoComplete = true;
  const { Characteristic, registerServices, Service } = rig.aioble;
  const service = new Service(new UUID(0x181a));
  const failing = new Characteristic(service, new UUID(0x2a6e), { read: true });
  failing.onRead = () => {
    throw new Error("no such thing");
  };
  const slow = new Characteristic(service, new UUID(0x2a6f), { read: true });
  slow.onRead = () => new Promise(() => undefined);
  registerServices(service);
  const on = rig.host.activate();
  await rig.settle();
  await on;
  const handleOf = (uuid: UUID): number => {
    for (let handle = 1; ; handle++) if (rig.host.gatt.at(handle)?.type.equals(uuid)) return handle;
  };
  return { ...rig, failing: handleOf(failing.uuid), slow: handleOf(slow.uuid) };
}

/** A device that the application has waited for. */
async function arrive(rig: Rig) {
  const advertised = rig.aioble.advertise({ intervalUs: 100_000 });
  await rig.settle();
  await rig.connect();
  return advertised;
}

/** What a device does on a link of its own, and how the lines begin that it causes. */
const DEEDS: Record<string, { readonly line: string; act(rig: Served): Promise<unknown> }> = {
  "a link that nobody waits for": {
    line: "aioble: ended a connection",
    act: (rig) => rig.connect(),
  },
  "a request before its predecessor's answer": {
    line: "att: dropped request",
    async act(rig) {
      await arrive(rig);
      for (let count = 0; count < 2; count++) await rig.exchange(ATT, [0x0a, ...le16(rig.slow)]);
    },
  },
  "a value whose handler fails": {
    line: "gatt: the application's handler",
    async act(rig) {
      await arrive(rig);
      await rig.exchange(ATT, [0x0a, ...le16(rig.failing)]);
    },
  },
};

describe("attack: filling the log with what is no pairing", () => {
  const linesOf = (rig: Rig, start: string): string[] =>
    rig.log.filter(([level, line]) => level !== "debug" && line.startsWith(start)).map(([, line]) => line);

  for (const [what, { act, line }] of Object.entries(DEEDS)) {
    it(`${what}, on one link after the other: 16 lines, then a count; one more line for every 10 s`, async () => {
      const rig = await createServed();
      const turn = async (): Promise<void> => {
        await act(rig);
        await rig.disconnect();
      };
      const unlogged = (): number => rig.aioble.counters().peers.unloggedLines;
      for (let count = 0; count < TURNS; count++) await turn();
      equal(linesOf(rig, line).length, LINES_MAX);
      equal(linesOf(rig, line).filter((each) => each.includes("more lines like this")).length, 1);
      ok(unlogged() > 0);
      const before = unlogged();
      await rig.clock.advance(3 * LINE_REFILL_MS);
      for (let count = 0; count < TURNS; count++) await turn();
      equal(linesOf(rig, line).length, LINES_MAX + 3);
      ok(unlogged() > before);
      equal(
        rig.aioble.counters().security?.unloggedLines,
        0,
        "lines about pairing are counted by themselves",
      );
    });
  }

  it("channels that are left full, on one link after the other: 16 lines when nobody has read them in time", async () => {
    const rig = await createServed();
    for (let count = 0; count < TURNS; count++) {
      const accepted = (await arrive(rig)).l2capAccept(PSM);
      await rig.exchange(SIGNALING, fromHex("14 01 0a 00 80 00 50 00 64 00 ca 00 0a 00"));
      await accepted;
      rig.controller.deliver(aclFrame(HANDLE, OWN, [...le16(50), ...counting(50)]));
      await rig.settle();
      await rig.disconnect();
    }
    await rig.clock.advance(30_000);
    equal(rig.aioble.counters().channels?.unreadBytes, TURNS * 50);
    equal(linesOf(rig, "l2cap: 50 bytes of a closed channel were not read within").length, LINES_MAX);
    ok(rig.aioble.counters().peers.unloggedLines > 0);
  });
});

describe("a controller that reports a link by a handle that there is not", () => {
  for (const handle of [0x0f00, 0x0fff]) {
    it(`0x${handle.toString(16)}: it is the controller's fault, and there is no such link`, async () => {
      const rig = await createServed();
      const advertised = rig.aioble.advertise({ intervalUs: 100_000 });
      await rig.settle();
      await rig.connect(handle);
      equal(rig.host.connections.size, 0);
      equal(rig.host.hci.malformed, 1);
      await rig.connect(0x0eff);
      equal((await advertised).isConnected(), true, "the last that there is");
    });
  }
});
