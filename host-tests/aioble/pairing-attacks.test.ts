/** Attacks on the pairing of a whole camera, by their names (docs/security.md). */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import { LINE_REFILL_MS, LINES_MAX } from "../../firmware/ble/peer-log.ts";
import { FAILURES_MAX, FIRST_WAIT_MS, MAX_WAIT_MS } from "../../firmware/ble/smp/attempts.ts";
import { createWorld } from "../../simulator/world.ts";
import { deepEqual, equal, ok } from "../support/assert.ts";
import { le16 } from "../support/bytes.ts";
import { addAioble } from "../support/cameras.ts";
import { PairingPair } from "../support/pairing.ts";
import { createConnectedRig, HANDLE, type Rig, SMP } from "../support/rig.ts";
import { connectionComplete, eventPacket } from "../support/scripted-controller.ts";
import { describe, it } from "../support/suite.ts";

/** Pairing Request: no input, no output, bonding and LE Secure Connections, 16 bytes, both keys. */
const REQUEST = [0x01, 0x03, 0x00, 0x09, 0x10, 0x03, 0x03];
/** One with a capability that there is not. */
const BAD_REQUEST = [0x01, 0x05, 0x00, 0x09, 0x10, 0x03, 0x03];
/** Pairing Failed by the peer, of which it may have learned something. */
const FAILED = [0x05, 0x04];

const REPEATED = "05 09";
const INVALID = "05 0a";

async function fails(rig: Rig, handle = HANDLE): Promise<void> {
  deepEqual(await rig.exchange(SMP, BAD_REQUEST, handle), [INVALID]);
}

async function pairs(rig: Rig, handle = HANDLE): Promise<boolean> {
  const [answer] = await rig.exchange(SMP, REQUEST, handle);
  if (answer === REPEATED) return false;
  ok(answer?.startsWith("02 "), answer);
  await rig.exchange(SMP, [0x05, 0x01], handle);
  return true;
}

describe("attack: repeated pairing", () => {
  it("each failure doubles the wait of its address, from 1 s to 64 s, and a minute without one halves it", async () => {
    const rig = await createConnectedRig();
    let waitMs = FIRST_WAIT_MS;
    for (let failures = 0; failures < 9; failures++) {
      await fails(rig);
      deepEqual(await rig.exchange(SMP, REQUEST), [REPEATED]);
      await rig.clock.advance(waitMs - 100);
      // A minute and more also brings the count of all strangers down.
      deepEqual(await rig.exchange(SMP, REQUEST), [REPEATED], `after ${failures} failures`);
      await rig.clock.advance(200);
      waitMs = Math.min(MAX_WAIT_MS, waitMs * 2);
      if (waitMs > 30_000) break;
    }
    await rig.clock.advance(10 * 60_000);
    ok(await pairs(rig));
  });

  it("under another address each time: eight failures in a minute, and all strangers wait", async () => {
    const rig = await createConnectedRig();
    for (let at = 0; at < 8; at++) {
      const handle = HANDLE + 1 + (at % 2);
      rig.controller.deliver(connectionComplete(handle, [at, 2, 3, 4, 5, 0xc6]));
      await rig.settle();
      await fails(rig, handle);
      await rig.disconnect(handle);
    }
    deepEqual(await rig.exchange(SMP, REQUEST), [REPEATED], "who has done nothing waits too");
    await rig.clock.advance(61_000);
    ok(await pairs(rig));
  });

  it("a peer that ends one pairing after the other has to wait as well", async () => {
    const rig = await createConnectedRig();
    await rig.exchange(SMP, REQUEST);
    await rig.exchange(SMP, FAILED);
    deepEqual(await rig.exchange(SMP, REQUEST), [REPEATED]);
  });

  it("half-open pairings on links that end leave nothing behind", async () => {
    const rig = await createConnectedRig();
    const { timers } = rig.clock as unknown as { timers?: { size: number } };
    const before = timers?.size;
    for (let at = 0; at < 200; at++) {
      const handle = HANDLE + 1;
      rig.controller.deliver(connectionComplete(handle, [at, 2, 3, 4, 5, 0xc6]));
      await rig.settle();
      await rig.exchange(SMP, REQUEST, handle);
      await rig.disconnect(handle);
    }
    await rig.clock.advance(1);
    equal(timers?.size, before);
    ok(await pairs(rig));
  });
});

describe("attack: a stranger in the owner's pairing window", () => {
  /** Pairing Request: a keyboard, bonding and MITM by legacy pairing: the passkey that the camera shows is typed. */
  const PASSKEY_REQUEST = [0x01, 0x02, 0x00, 0x05, 0x10, 0x03, 0x03];
  /** The same by Just Works. */
  const JUST_WORKS_REQUEST = [0x01, 0x03, 0x00, 0x01, 0x10, 0x03, 0x03];
  const confirm = [0x03, ...new Array<number>(16).fill(1)];
  const random = [0x04, ...new Array<number>(16).fill(2)];
  const WRONG = "05 04";

  async function createWindow(): Promise<Rig> {
    const rig = await createConnectedRig();
    rig.aioble.config({ pairing: "window" });
    rig.aioble.security.openPairing({ durationMs: 60_000 });
    return rig;
  }

  /** A stranger connects under a new address, sends these PDUs and goes. Returns the last answer. */
  async function stranger(rig: Rig, at: number, pdus: readonly (readonly number[])[]): Promise<string[]> {
    const handle = HANDLE + 1;
    rig.controller.deliver(connectionComplete(handle, [0x10 + at, 2, 3, 4, 5, 0xc6]));
    await rig.settle();
    let answer: string[] = [];
    for (const pdu of pdus) answer = await rig.exchange(SMP, pdu, handle);
    // What is computed has a turn of its own each.
    await rig.clock.advance(10);
    await rig.disconnect(handle);
    return answer;
  }

  it("malformed requests on one link: one answer 0x0A, then they wait as others do, and the window stays open", async () => {
    const rig = await createWindow();
    const answers: string[] = [];
    for (const pdu of [[0x01, 0x03], BAD_REQUEST, [0x01], REQUEST, [...REQUEST, 0], [0x01, 0x03]])
      answers.push(...(await rig.exchange(SMP, pdu)));
    deepEqual(answers, [INVALID, REPEATED, REPEATED, REPEATED, REPEATED, REPEATED]);
    equal(rig.aioble.security.isPairingOpen, true);
    await rig.clock.advance(FIRST_WAIT_MS);
    ok(await pairs(rig), "those that were refused did not make the wait longer");
  });

  it("eight failures before it or in it do not keep the owner waiting; once it is closed all strangers wait", async () => {
    const rig = await createWindow();
    const { security } = rig.aioble;
    security.closePairing();
    rig.aioble.config({ pairing: "always" });
    for (let at = 0; at < FAILURES_MAX; at++) deepEqual(await stranger(rig, at, [BAD_REQUEST]), [INVALID]);
    deepEqual(await rig.exchange(SMP, REQUEST), [REPEATED], "without a window the owner waits too");
    security.openPairing({ durationMs: 60_000 });
    for (let at = 0; at < FAILURES_MAX; at++)
      deepEqual(await stranger(rig, 0x20 + at, [BAD_REQUEST]), [INVALID]);
    // One that has failed itself waits, as ever.
    deepEqual(await stranger(rig, 0x20, [REQUEST]), [REPEATED]);
    ok(await pairs(rig), "the owner pairs at once");
    security.closePairing();
    deepEqual(await stranger(rig, 0x40, [REQUEST]), [REPEATED]);
  });

  it("over many addresses: what guesses nothing leaves the window to its owner", async () => {
    const rig = await createWindow();
    const publicKey = [0x0c, ...new Array<number>(64).fill(0xff)];
    deepEqual(await stranger(rig, 1, [[0x01, 0x03]]), [INVALID]);
    deepEqual(await stranger(rig, 2, [BAD_REQUEST]), [INVALID]);
    deepEqual(await stranger(rig, 3, [REQUEST, FAILED]), []);
    deepEqual(await stranger(rig, 4, [REQUEST, confirm]), ["05 08"], "out of turn");
    deepEqual(await stranger(rig, 5, [REQUEST, [0x0c, 1]]), [INVALID]);
    await stranger(rig, 6, [REQUEST, publicKey]);
    ok(rig.log.some(([, line]) => line.includes("pairing failed") && line.includes("0x0B")));
    equal(rig.aioble.security.isPairingOpen, true);
    ok(await pairs(rig));
  });

  it("Just Works has nothing to guess: wrong values end the pairing, and leave the window open", async () => {
    const rig = await createWindow();
    for (let at = 0; at < 6; at++)
      deepEqual(await stranger(rig, at, [JUST_WORKS_REQUEST, confirm, random]), [WRONG]);
    equal(rig.aioble.security.isPairingOpen, true);
    ok(await pairs(rig));
  });

  it("three wrong passkeys close it, those of one address no faster than its waits allow", async () => {
    const rig = await createWindow();
    const { security } = rig.aioble;
    security.agent = { display: () => undefined };
    const guess = async (): Promise<string[]> => {
      const [answer] = await rig.exchange(SMP, PASSKEY_REQUEST);
      if (answer === REPEATED) return [answer];
      await rig.exchange(SMP, confirm);
      return rig.exchange(SMP, random);
    };
    deepEqual(await guess(), [WRONG]);
    deepEqual(await guess(), [REPEATED]);
    deepEqual(await guess(), [REPEATED]);
    await rig.clock.advance(FIRST_WAIT_MS);
    deepEqual(await guess(), [WRONG]);
    await rig.clock.advance(FIRST_WAIT_MS);
    deepEqual(await guess(), [REPEATED]);
    equal(security.isPairingOpen, true);
    await rig.clock.advance(FIRST_WAIT_MS);
    deepEqual(await guess(), [WRONG]);
    equal(security.isPairingOpen, false);
    equal(rig.log.filter(([, line]) => line.includes("three authentications failed")).length, 1);
  });

  it("numbers of which the user says that they differ count, where that is found", () => {
    const pair = new PairingPair(
      { settings: { io: 1, mitm: true } },
      { settings: { io: 1, mitm: true }, user: { compares: false } },
    ).run();
    equal(pair.responder.failure?.reason, 0x0c);
    equal(pair.responder.state.wasGuess, true);
    equal(pair.initiator.state.wasGuess, false, "the other side is told");
  });
});

describe("attack: filling the log", () => {
  const lines = (rig: Rig): number =>
    rig.log.filter(([level, line]) => level !== "debug" && line.startsWith("smp: ")).length;
  const unlogged = (rig: Rig): number => rig.aioble.counters().security!.unloggedLines;

  it("requests without end: 16 lines, then a count; one more line for every 10 s", async () => {
    const rig = await createConnectedRig();
    const before = lines(rig);
    for (let at = 0; at < 100; at++) await rig.exchange(SMP, at % 2 === 0 ? REQUEST : BAD_REQUEST);
    equal(lines(rig) - before, LINES_MAX);
    equal(rig.log.filter(([, line]) => line.includes("more lines like this are only counted")).length, 1);
    const { failedPairings } = rig.aioble.counters().security!;
    equal(failedPairings, 99, "the first request began a pairing, which the second ended");
    equal(unlogged(rig), 99 - LINES_MAX);
    await rig.clock.advance(3 * LINE_REFILL_MS);
    for (let at = 0; at < 100; at++) await rig.exchange(SMP, BAD_REQUEST);
    equal(lines(rig) - before, LINES_MAX + 3);
    equal(unlogged(rig), 199 - LINES_MAX - 3);
  });

  it("under another address each time: the lines are those of all links together", async () => {
    const rig = await createConnectedRig();
    rig.aioble.config({ pairing: "window" });
    const before = lines(rig);
    for (let at = 0; at < 50; at++) {
      rig.controller.deliver(connectionComplete(HANDLE + 1, [at, 3, 3, 4, 5, 0xc6]));
      await rig.settle();
      await rig.exchange(SMP, REQUEST, HANDLE + 1);
      await rig.disconnect(HANDLE + 1);
    }
    equal(lines(rig) - before, LINES_MAX);
  });

  it("requests for an unknown key: the same lines, and the same count", async () => {
    const rig = await createConnectedRig();
    const before = lines(rig);
    const request = eventPacket(0x3e, [0x05, ...le16(HANDLE), ...new Array<number>(10).fill(7)]);
    for (let at = 0; at < 50; at++) {
      rig.controller.deliver(request);
      await rig.settle();
    }
    equal(lines(rig) - before, LINES_MAX);
    equal(unlogged(rig), 50 - LINES_MAX);
  });
});

describe("attack: forgotten link", () => {
  it("a pairing half done has nothing to do with the next link of its handle", async () => {
    const rig = await createConnectedRig();
    const [answer] = await rig.exchange(SMP, REQUEST);
    ok(answer?.startsWith("02 "));
    await rig.disconnect();
    await rig.connect();
    for (const pdu of [
      [0x04, ...new Array(16).fill(1)],
      [0x0c, ...new Array(64).fill(1)],
      [0x0d, ...new Array(16).fill(1)],
    ]) {
      deepEqual(await rig.exchange(SMP, pdu as number[]), [], "it belongs to no pairing");
    }
  });
});

describe("attack: Security Request abuse", () => {
  it("1,000 of them: one pairing at a time, and no more than is allowed", async () => {
    const world = createWorld();
    const [central, peripheral] = [addAioble(world), addAioble(world)];
    let asked = 0;
    central.aioble.security.agent = {
      accept() {
        asked++;
        return false;
      },
    };
    await world.run(async () => {
      const advertised = peripheral.aioble.advertise({ intervalUs: 100_000 });
      const { ADDR_RANDOM, Device } = central.aioble;
      const outgoing = await new Device(ADDR_RANDOM, peripheral.host.ownAddress).connect();
      const incoming = await advertised;
      const channel = incoming.link.l2cap.openFixed(SMP, 65);
      const received: number[] = [];
      channel.receiver = { receive: (view, start) => void received.push(view.getUint8(start)) };
      for (let at = 0; at < 1000; at++) {
        channel.send(0, Uint8Array.of(0x0b, at % 16), 0, 2);
        if (at % 10 === 0) await world.clock.sleep(200);
      }
      await world.clock.sleep(1000);
      ok(received.filter((code) => code === 0x01).length <= 1, "one Pairing Request, which nobody answers");
      ok(received.length < 1100);
      equal(asked, 0);
      ok(outgoing.isConnected());
    });
  });
});

describe("attack: secrets in the log", () => {
  it("at level 3, through pairing by passkey and encryption with the bond: no key, and no passkey that was typed", async () => {
    for (const leSecure of [true, false]) {
      const world = createWorld();
      const cameras = [addAioble(world), addAioble(world)] as const;
      const [central, peripheral] = cameras;
      for (const { aioble } of cameras) aioble.config({ logLevel: 3 });
      const typed = "271828";
      peripheral.aioble.security.agent = { input: () => typed };
      const meet = async (): Promise<DeviceConnection> => {
        const advertised = peripheral.aioble.advertise({ intervalUs: 100_000 });
        const { ADDR_RANDOM, Device } = central.aioble;
        const outgoing = await new Device(ADDR_RANDOM, peripheral.host.ownAddress).connect();
        await advertised;
        return outgoing;
      };
      await world.run(async () => {
        const first = await meet();
        await first.pair({ leSecure, agent: { input: () => typed }, mitm: leSecure });
        await world.clock.sleep(500);
        await first.disconnect();
        await world.clock.sleep(500);
        await (await meet()).pair();
      });
      const lines = cameras
        .flatMap(({ platform }) => platform.console.map(({ message }) => message))
        .join("\n");
      ok(lines.includes("smp: link"), "something was logged");
      ok(!lines.includes(typed));
      for (const [{ host }, other] of [
        [central, peripheral],
        [peripheral, central],
      ] as const) {
        const bond = host.bonds?.find(1, other.host.ownAddress);
        ok(bond);
        for (const secret of [
          bond.keyAsCentral?.key,
          bond.keyAsPeripheral?.key,
          bond.irk,
          host.bonds?.ownIrk(),
        ]) {
          ok(secret);
          for (const text of [hexOf(secret), hexOf(secret.slice().reverse()), secret.join()])
            ok(!lines.includes(text));
        }
      }
    }
  });
});

function hexOf(bytes: Uint8Array): string {
  return [...bytes].map((byte) => (byte + 256).toString(16).slice(1)).join("");
}
