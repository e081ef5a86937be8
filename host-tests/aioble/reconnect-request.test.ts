/** A bonded peripheral asks for security while the central encrypts the link by itself (Vol 3, Part H, 2.4.6). */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import type { Channel } from "../../firmware/ble/l2cap/channel.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import type { AiobleCamera } from "../support/cameras.ts";
import { Users } from "../support/pairing-cameras.ts";
import { createReconnecting, findValue, type Reconnecting } from "../support/reconnecting.ts";
import { byte } from "../support/served.ts";
import { describe, it } from "../support/suite.ts";

/** AuthReq: a bond and LE Secure Connections, and the same with protection against who stands between. */
const BOND = 0x09;
const MITM = 0x0d;

/** The peripheral's channel of the Security Manager. */
function channelOf({ host }: AiobleCamera, { link }: DeviceConnection): Channel {
  const { links } = host.encryption as unknown as { readonly links: Map<unknown, { channel: Channel }> };
  return links.get(link)!.channel;
}

interface Scene extends Reconnecting {
  readonly users: Users;
  /** The central connects; these Security Requests come before the peripheral answers for its key. */
  meetAsked(...authReqs: number[]): Promise<DeviceConnection>;
}

async function inScene(work: (scene: Scene) => Promise<void>): Promise<void> {
  const scene = createReconnecting();
  const { meet, peripheral, withholdKey, world } = scene;
  peripheral.aioble.config({ securityRequestMs: 0 });
  await world.run(async () => {
    await scene.bond();
    const users = new Users();
    await work({
      ...scene,
      users,
      get attempts() {
        return scene.attempts;
      },
      async meetAsked(...authReqs) {
        const answer = withholdKey();
        const { outgoing, incoming } = await meet();
        const channel = channelOf(peripheral, incoming);
        for (const authReq of authReqs) {
          channel.send(0, Uint8Array.of(0x0b, authReq), 0, 2);
          await world.clock.sleep(300);
        }
        answer();
        return outgoing;
      },
    });
  });
}

/** Both can compare numbers. */
function equip({ central, peripheral, users }: Scene): void {
  const { compare } = users;
  for (const { aioble } of [central, peripheral])
    aioble.security.agent = { display: () => undefined, compare };
}

describe("reconnecting: a Security Request while the link is being encrypted", () => {
  for (const count of [1, 10]) {
    it(`that asks for more than the bond is worth pairs behind it, once: ${count}`, () =>
      inScene(async (scene) => {
        equip(scene);
        const outgoing = await scene.meetAsked(...new Array<number>(count).fill(MITM));
        deepEqual(await (await findValue(scene.central, outgoing)).read(), byte(7));
        await scene.world.clock.sleep(5000);
        deepEqual([outgoing.encrypted, outgoing.authenticated, outgoing.bonded], [true, true, true]);
        equal(scene.users.compared.length, 2, "each side's user, once");
        ok(scene.heard.every(({ isEncrypted }) => isEncrypted));
      }));
  }

  it("behind a pair() that asks for less it pairs too, and pair() has resolved", () =>
    inScene(async (scene) => {
      equip(scene);
      const outgoing = await scene.meetAsked(BOND, MITM);
      await outgoing.pair();
      await scene.world.clock.sleep(5000);
      equal(outgoing.authenticated, true);
      equal(scene.users.compared.length, 2);
    }));

  it("that asks for what the bond is worth changes nothing", () =>
    inScene(async (scene) => {
      equip(scene);
      const { attempts } = scene;
      const outgoing = await scene.meetAsked(BOND);
      await outgoing.exchangeMtu();
      await scene.world.clock.sleep(5000);
      deepEqual([outgoing.encrypted, outgoing.authenticated], [true, false]);
      deepEqual([scene.attempts - attempts, scene.users.compared], [1, []]);
    }));

  it("that asks for what this camera cannot do changes nothing", () =>
    inScene(async (scene) => {
      const { attempts } = scene;
      const outgoing = await scene.meetAsked(MITM);
      await outgoing.exchangeMtu();
      await scene.world.clock.sleep(5000);
      deepEqual([outgoing.encrypted, outgoing.authenticated], [true, false]);
      equal(scene.attempts - attempts, 1);
    }));

  it('with pairing: "never" nobody pairs behind it', () =>
    inScene(async (scene) => {
      equip(scene);
      scene.central.aioble.config({ pairing: "never" });
      const outgoing = await scene.meetAsked(MITM);
      await outgoing.exchangeMtu();
      await scene.world.clock.sleep(5000);
      deepEqual([outgoing.encrypted, outgoing.authenticated], [true, false]);
      deepEqual(scene.users.compared, []);
    }));

  it("of one that has lost its key: nobody pairs, and nothing goes out", () =>
    inScene(async (scene) => {
      equip(scene);
      scene.peripheral.aioble.security.bonds.clear();
      const outgoing = await scene.meetAsked(MITM);
      await rejects(outgoing.exchangeMtu(), { code: "bond-lost" });
      await scene.world.clock.sleep(5000);
      deepEqual([outgoing.encrypted, scene.heard, scene.users.compared], [false, [], []]);
    }));
});
