/** Attacks on pairing over the radio, end to end: an attacker without a stack, and a whole camera (docs/security.md). */
import { viewOf } from "../../firmware/ble/codec.ts";
import { PAIRING_FAILURE } from "../../firmware/ble/smp/pdus.ts";
import type { PhoneLink } from "../../simulator/phone/link.ts";
import { SeededRandom } from "../../simulator/random.ts";
import { createWorld, type World } from "../../simulator/world.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { type AiobleCamera, type MemoryRecords, reported } from "../support/cameras.ts";
import {
  ADVERTISING,
  addCamera,
  CODE,
  pairWithFalsePeripheral,
  responseTo,
  SMP,
  VALUE,
} from "../support/false-peers.ts";
import { keyPairOf } from "../support/pairing.ts";
import { describe, it } from "../support/suite.ts";

const SMP_BREDR = 0x0007;

/** Pairing Request of somebody without display and keys: bonding, with LE Secure Connections or without. */
const SECURE_REQUEST = [1, 3, 0, 0x09, 16, 3, 3];
const LEGACY_REQUEST = [1, 3, 0, 0x01, 16, 3, 3];

/** What is kept of bonded devices. */
function bondsIn(records: MemoryRecords): string[] {
  return records
    .keys()
    .filter((key) => key.startsWith("bond."))
    .map((key) => `${key} ${records.get(key)!.join()}`);
}

/** An attacker at a phone's controller: it says what it likes on the channel of the Security Manager. */
class Attacker {
  readonly link: PhoneLink;
  private readonly world: World;
  private taken = 0;

  constructor(world: World, link: PhoneLink) {
    this.world = world;
    this.link = link;
  }

  say(...pdu: readonly number[]): void {
    this.link.sendFrame(SMP, Uint8Array.from(pdu));
  }

  /** What the camera says within half a second, on that channel. */
  async heard(): Promise<number[][]> {
    await this.world.clock.sleep(500);
    const all = this.link.frames.filter(({ channel }) => channel === SMP).map(({ payload }) => [...payload]);
    const heard = all.slice(this.taken);
    this.taken = all.length;
    return heard;
  }
}

async function meet(world: World, camera: AiobleCamera, phone = world.addPhone().phone) {
  const advertised = camera.aioble.advertise(ADVERTISING);
  const link = await phone.connect(await phone.find({ name: "camera" }));
  const connection = await advertised;
  return { attacker: new Attacker(world, link), connection, link, phone };
}

/** A phone that is honest pairs with the camera, a moment later. */
async function servesOn(world: World, camera: AiobleCamera): Promise<void> {
  await world.clock.sleep(2000);
  const { connection, link } = await meet(world, camera);
  await link.pair();
  await world.clock.sleep(200);
  equal(connection.bonded, true);
}

describe("attack over the radio: a stranger in the owner's place", () => {
  it("under the owner's address, without a display: refused, and the bond is byte for byte as before; the owner comes back", async () => {
    const world = createWorld(21);
    const { camera, records } = addCamera(world);
    camera.aioble.security.agent = { display: () => {}, compare: () => true };
    await world.run(async () => {
      const owner = await meet(world, camera);
      await owner.link.pair();
      await owner.link.subscribe((await owner.link.discover()).characteristic(VALUE));
      equal(owner.connection.authenticated, true);
      await owner.link.disconnect();
      await world.clock.sleep(1000);
      const before = bondsIn(records);
      equal(before.length, 1);
      const { phone: thief } = world.addPhone();
      thief.address.set(owner.phone.address);
      for (const request of [SECURE_REQUEST, LEGACY_REQUEST]) {
        const { attacker, connection, link } = await meet(world, camera, thief);
        attacker.say(...request);
        const [answer] = await attacker.heard();
        equal(answer?.[0], CODE.FAILED);
        const reasons: readonly number[] = [
          PAIRING_FAILURE.AUTHENTICATION_REQUIREMENTS,
          PAIRING_FAILURE.PAIRING_NOT_SUPPORTED,
          PAIRING_FAILURE.REPEATED_ATTEMPTS,
        ];
        ok(reasons.includes(answer![1]!), String(answer));
        equal(connection.bonded, false);
        await link.disconnect();
      }
      deepEqual(bondsIn(records), before);
      const again = await meet(world, camera, owner.phone);
      equal(await again.link.encryptWithBond(), true);
      await reported(world);
      equal(again.connection.authenticated, true);
      camera.aioble.security.bonds.clear();
    });
  });
});

describe("attack over the radio: what the camera says comes back to it", () => {
  it("its public key: 0x0B before it commits to anything, and nothing is kept", async () => {
    const { bonds, heard, reason } = await pairWithFalsePeripheral({}, (pdu) => {
      if (pdu[0] === CODE.REQUEST) return responseTo(pdu, 3);
      return pdu[0] === CODE.PUBLIC_KEY ? pdu : undefined;
    });
    equal(reason, PAIRING_FAILURE.DHKEY_CHECK_FAILED);
    deepEqual(heard.at(-1), [CODE.FAILED, PAIRING_FAILURE.DHKEY_CHECK_FAILED]);
    ok(!heard.some(([code]) => code === CODE.CONFIRM || code === CODE.RANDOM), "it has committed itself");
    equal(bonds, 0);
  });

  it("its public key with the other Y: 0x0B as well", async () => {
    const { reason } = await pairWithFalsePeripheral({}, (pdu) => {
      if (pdu[0] === CODE.REQUEST) return responseTo(pdu, 3);
      if (pdu[0] !== CODE.PUBLIC_KEY) return undefined;
      const reflected = pdu.slice();
      reflected[33] = reflected[33]! ^ 0xff;
      return reflected;
    });
    equal(reason, PAIRING_FAILURE.DHKEY_CHECK_FAILED);
  });

  it("its commitments to a passkey, under another key: 0x04 in the first round", async () => {
    const { publicKey } = keyPairOf(new SeededRandom(5));
    const { heard, reason } = await pairWithFalsePeripheral(
      { mitm: true, agent: { input: () => 123_456 } },
      (pdu) => {
        if (pdu[0] === CODE.REQUEST) return responseTo(pdu, 0);
        if (pdu[0] === CODE.PUBLIC_KEY) {
          const [x, y] = [publicKey.slice(0, 32).reverse(), publicKey.slice(32).reverse()];
          return Uint8Array.of(CODE.PUBLIC_KEY, ...x, ...y);
        }
        return pdu[0] === CODE.CONFIRM || pdu[0] === CODE.RANDOM ? pdu : undefined;
      },
    );
    equal(reason, PAIRING_FAILURE.CONFIRM_VALUE_FAILED);
    equal(heard.filter(([code]) => code === CODE.CONFIRM).length, 1);
  });

  it("its commitment of legacy pairing (VU#799380.5): 0x04, and its random number stays its own", async () => {
    const { heard, reason } = await pairWithFalsePeripheral({ leSecure: false }, (pdu) => {
      if (pdu[0] === CODE.REQUEST) return responseTo(pdu, 3);
      return pdu[0] === CODE.CONFIRM ? pdu : undefined;
    });
    equal(reason, PAIRING_FAILURE.CONFIRM_VALUE_FAILED);
    ok(!heard.some(([code]) => code === CODE.RANDOM), "it has disclosed its random number");
  });
});

describe("attack over the radio: what does not belong there", () => {
  it("a public key that is no point of the curve: 0x0B, no key for the link layer, and the camera serves on", async () => {
    const world = createWorld(23);
    const { camera } = addCamera(world);
    await world.run(async () => {
      const { attacker, link } = await meet(world, camera);
      attacker.say(...SECURE_REQUEST);
      equal((await attacker.heard())[0]?.[0], CODE.RESPONSE);
      attacker.say(CODE.PUBLIC_KEY, ...new Array<number>(64).fill(7));
      const heard = await attacker.heard();
      deepEqual(heard.at(-1), [CODE.FAILED, PAIRING_FAILURE.DHKEY_CHECK_FAILED]);
      await rejects(link.encrypt(new Uint8Array(16)), { code: 0x06 });
      await link.disconnect();
      await servesOn(world, camera);
      equal(camera.aioble.security.bonds.size, 1);
    });
  });

  it("encryption before anything is verified, with a key of zeros: none is given, and the pairing ends", async () => {
    const world = createWorld(24);
    const { camera } = addCamera(world);
    await world.run(async () => {
      const { attacker, connection, link } = await meet(world, camera);
      attacker.say(...LEGACY_REQUEST);
      equal((await attacker.heard())[0]?.[0], CODE.RESPONSE);
      await rejects(link.encrypt(new Uint8Array(16)), { code: 0x06 });
      equal((await attacker.heard())[0]?.[0], CODE.FAILED);
      equal(connection.encrypted, false);
      await link.disconnect();
      await servesOn(world, camera);
    });
  });

  it("SweynTooth on the channels of the Security Manager: frames that are cut, too long, doubled, empty, of BR/EDR", async () => {
    const world = createWorld(25);
    const { camera } = addCamera(world);
    await world.run(async () => {
      const { attacker, link } = await meet(world, camera);
      const frame = (length: number, channel: number, payload: readonly number[]): Uint8Array => {
        const bytes = new Uint8Array(4 + payload.length);
        const view = viewOf(bytes);
        view.setUint16(0, length, true);
        view.setUint16(2, channel, true);
        bytes.set(payload, 4);
        return bytes;
      };
      // Longer and shorter than it says, of no length, beyond the channel's MTU, on the channel of another transport.
      link.sendRaw(frame(3, SMP, SECURE_REQUEST));
      link.sendRaw(frame(200, SMP, SECURE_REQUEST));
      link.sendRaw(frame(0, SMP, []));
      link.sendFrame(SMP, new Uint8Array(300).fill(1));
      link.sendFrame(SMP_BREDR, Uint8Array.from(SECURE_REQUEST));
      attacker.say(...SECURE_REQUEST, 0);
      attacker.say(...SECURE_REQUEST);
      attacker.say(...SECURE_REQUEST);
      for (const answer of await attacker.heard())
        ok([CODE.RESPONSE, CODE.FAILED].includes(answer[0] as 2 | 5));
      equal(link.isConnected, true);
      await link.disconnect();
      await servesOn(world, camera);
    });
  });
});

describe("attack over the radio: beside what is under way", () => {
  it("Pairing Requests while the link is being encrypted: the bond's key encrypts it, and the bond stays as it was", async () => {
    const world = createWorld(27);
    const { camera, records } = addCamera(world);
    await world.run(async () => {
      const owner = await meet(world, camera);
      await owner.link.pair();
      await owner.link.disconnect();
      await world.clock.sleep(1000);
      const before = bondsIn(records)[0];
      for (const request of [SECURE_REQUEST, LEGACY_REQUEST]) {
        const { attacker, connection, link } = await meet(world, camera, owner.phone);
        const encrypted = link.encryptWithBond();
        attacker.say(...request);
        attacker.say(...request);
        equal(await encrypted, true);
        await reported(world);
        deepEqual([connection.encrypted, connection.bonded], [true, true]);
        // What begins on the encrypted link ends with it.
        await attacker.heard();
        await link.disconnect();
        await world.clock.sleep(2000);
        equal(bondsIn(records)[0], before);
      }
      await servesOn(world, camera);
    });
  });

  it("its PDUs on channels that are not open, or are others: no answer, and no pairing", async () => {
    const world = createWorld(28);
    const { camera } = addCamera(world);
    await world.run(async () => {
      const { attacker, link } = await meet(world, camera);
      for (const channel of [0x0000, 0x0001, 0x0002, 0x0003, SMP_BREDR, 0x003a, 0x0040, 0x007f, 0xffff])
        link.sendFrame(channel, Uint8Array.from(SECURE_REQUEST));
      deepEqual(await attacker.heard(), []);
      equal(link.isConnected, true);
      // A pairing that is under way goes on beside them.
      attacker.say(...SECURE_REQUEST);
      link.sendFrame(0x0040, Uint8Array.of(CODE.FAILED, 8));
      equal((await attacker.heard())[0]?.[0], CODE.RESPONSE);
      await link.disconnect();
      await servesOn(world, camera);
    });
  });
});

describe("attack: static passkey", () => {
  it("somebody who learns a bit at each attempt meets another passkey each time", async () => {
    const world = createWorld(26);
    const { camera } = addCamera(world);
    const shown: string[] = [];
    camera.aioble.security.agent = { display: ({ passkey }) => void shown.push(passkey) };
    await world.run(async () => {
      for (let attempt = 0; attempt < 6; attempt++) {
        const { link } = await meet(world, camera);
        await rejects(link.pair({ user: { type: async () => undefined } }), { code: 0x01 });
        await link.disconnect();
        await world.clock.sleep(70_000);
      }
    });
    equal(shown.length, 6);
    equal(new Set(shown).size, 6);
  });
});
