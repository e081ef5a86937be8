/** A central that has a bonded device's address, and what a camera asks of it and hears from it before that is proved (docs/security.md, Reconnecting). */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import type { Config } from "../../firmware/ble/config.ts";
import type { Channel } from "../../firmware/ble/l2cap/channel.ts";
import { PAIRING_FAILURE } from "../../firmware/ble/smp/pdus.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import type { AiobleCamera } from "../support/cameras.ts";
import { type Meeting, onStage, type Stage } from "../support/dawdling.ts";
import { findValue, SERVICE, VALUE } from "../support/reconnecting.ts";
import { describe, it } from "../support/suite.ts";

const NOTIFY = 18;
const INDICATE = 19;
const HANDLE = 3;
const SECURITY_REQUEST = 0x0b;

/** Handle Value Notification and Indication, and Multiple Handle Value Notification, of a value of one byte. */
const SENT = [
  [0x1b, HANDLE, 0, 1],
  [0x1d, HANDLE, 0, 2],
  [0x23, HANDLE, 0, 1, 0, 3],
] as const;

const ALL_HEARD = [
  [NOTIFY, 1],
  [INDICATE, 2],
  [NOTIFY, 3],
] as const;

/** A device that leaves it to the test when it encrypts. */
interface Guest extends Meeting {
  /** PDUs that it received: of the Security Manager by their codes, of ATT whether the link was encrypted by then. */
  readonly codes: number[];
  readonly asked: boolean[];
  /** It sends values by itself. */
  send(): void;
}

interface Scene extends Stage {
  /** What the camera's handler of `bluetooth` has heard. */
  readonly heard: (readonly [number, number])[];
  unwanted(): number;
  /** @param isDeaf it hears nothing of what the camera's Security Manager says. */
  come(device: AiobleCamera, isDeaf?: boolean): Promise<Guest>;
}

function channelOf({ host }: AiobleCamera, { link }: DeviceConnection): Channel {
  const { links } = host.encryption as unknown as { readonly links: Map<unknown, { channel: Channel }> };
  return links.get(link)!.channel;
}

function offer({ aioble, bluetooth }: AiobleCamera): void {
  const { Characteristic, registerServices, Service } = aioble;
  const { UUID } = bluetooth;
  const service = new Service(new UUID(SERVICE));
  new Characteristic(service, new UUID(VALUE), { read: true, initial: "v" });
  registerServices(service);
}

/** The camera as the peripheral and the owner have bonded, and their link has ended. */
function inScene(work: (scene: Scene) => Promise<void>, config: Partial<Config> = {}): Promise<void> {
  return onStage("peripheral", config, async (stage) => {
    const { camera, meet, owner, world } = stage;
    const heard: (readonly [number, number])[] = [];
    new camera.bluetooth.BLE().irq((event, data) => {
      if (event === NOTIFY || event === INDICATE) heard.push([event, (data[2] as Uint8Array)[0]!]);
    });
    offer(camera);
    const first = await meet(owner);
    await first.own.pair();
    await first.own.disconnect();
    await world.clock.sleep(1000);
    await work({
      ...stage,
      heard,
      unwanted: () => camera.aioble.counters().client!.unwantedValues,
      async come(device, isDeaf = false) {
        offer(device);
        device.aioble.config({ autoPair: "never" });
        const codes: number[] = [];
        const asked: boolean[] = [];
        const unobserve = device.host.observe({
          onConnected(link) {
            const receive = link.bearer.receive.bind(link.bearer);
            link.bearer.receive = (view, start, length) => {
              asked.push(link.security.isEncrypted);
              receive(view, start, length);
            };
          },
        });
        const meeting = await meet(device);
        unobserve();
        const channel = channelOf(device, meeting.theirs);
        const { receiver } = channel;
        channel.receiver = {
          receive(view, start, length) {
            codes.push(view.getUint8(start));
            if (!isDeaf) receiver!.receive(view, start, length);
          },
        };
        const send = (): void => {
          for (const pdu of SENT) meeting.theirs.link.bearer.send(Uint8Array.from(pdu));
        };
        return { ...meeting, codes, asked, send };
      },
    });
  });
}

const requests = ({ codes }: Guest): number => codes.filter((code) => code === SECURITY_REQUEST).length;

/** Reads the value of the peer: what an application asks of it. */
async function ask({ camera }: Scene, { own }: Guest): Promise<string> {
  const bytes = await (await findValue(camera, own)).read();
  return String.fromCharCode(...bytes);
}

describe("attack: a central with a bonded device's address", () => {
  for (const who of ["that does not encrypt", "that is another"] as const) {
    it(`${who}: what it sends by itself reaches nobody, and is counted`, () =>
      inScene(async (scene) => {
        const { addDevice, come, heard, owner, unwanted, world } = scene;
        const device = who === "that is another" ? await addDevice(owner) : owner;
        const guest = await come(device, true);
        guest.send();
        await world.clock.sleep(35_000);
        guest.send();
        await world.clock.sleep(1000);
        deepEqual([heard, unwanted(), guest.own.encrypted], [[], 2 * SENT.length, false]);
        equal(guest.asked.length, 2, "an indication is confirmed whoever it reaches");
      }));

    it(`${who}, and ignores that it is asked to: nothing is asked of it, and it is served`, () =>
      inScene(async (scene) => {
        const { addDevice, camera, come, owner, world } = scene;
        const device = who === "that is another" ? await addDevice(owner) : owner;
        const guest = await come(device, true);
        const since = world.clock.now();
        await rejects(ask(scene, guest), { name: "PairingError", code: "pairing-timeout" });
        equal(Math.round((world.clock.now() - since) / 1000), 30);
        await rejects(guest.own.exchangeMtu(), { code: "pairing-timeout" });
        deepEqual([guest.asked, requests(guest), guest.own.isConnected()], [[], 1, true]);
        const value = await findValue(device, guest.theirs);
        deepEqual(await value.read(), Uint8Array.of("v".charCodeAt(0)));
        equal(camera.host.connections.size, 1);
      }));
  }

  it("that pairs without a bond in a window: nothing is asked of it, and nothing heard", () =>
    inScene(async (scene) => {
      const { addDevice, bonds, camera, come, heard, owner, unwanted, world } = scene;
      const guest = await come(await addDevice(owner));
      const [bond] = bonds();
      camera.aioble.security.openPairing();
      const asked = rejects(ask(scene, guest), {
        code: "pairing-failed",
        reason: PAIRING_FAILURE.KEY_REJECTED,
      });
      await guest.theirs.pair({ bond: false });
      await asked;
      guest.send();
      await world.clock.sleep(1000);
      deepEqual([guest.own.encrypted, guest.own.bonded, bonds()[0] === bond], [true, false, true]);
      deepEqual([heard, unwanted()], [[], SENT.length]);
      equal(guest.asked.length, 1, "the confirmation alone");
    }));

  it("that pairs with one, and may not replace the bond: the link ends, and nothing was asked of it", () =>
    inScene(async (scene) => {
      const { addDevice, bonds, come, owner, world } = scene;
      const guest = await come(await addDevice(owner));
      const [bond] = bonds();
      const asked = rejects(ask(scene, guest), { name: "PairingError" });
      void guest.theirs.pair().catch(() => undefined);
      await asked;
      await world.clock.sleep(3000);
      deepEqual([guest.asked, bonds()[0] === bond, guest.own.bonded], [[], true, false]);
    }));
});

describe("a bonded central that comes back to a camera which asks something of it", () => {
  for (const securityRequestMs of [0, 1000]) {
    it(`encrypts when it is asked to, once; then all goes out: securityRequestMs ${securityRequestMs}`, () =>
      inScene(
        async (scene) => {
          const guest = await scene.come(scene.owner);
          const [read, mtu] = [ask(scene, guest), guest.own.exchangeMtu()];
          equal(await read, "v");
          await mtu;
          await scene.world.clock.sleep(5000);
          ok(guest.asked.length > 3 && guest.asked.every((isEncrypted) => isEncrypted));
          deepEqual([requests(guest), guest.own.bonded], [1, true]);
        },
        { securityRequestMs },
      ));
  }

  it("by itself: what it sends from then on reaches who listens", () =>
    inScene(async ({ come, heard, owner, unwanted, world }) => {
      const guest = await come(owner);
      guest.send();
      await world.clock.sleep(500);
      await guest.theirs.pair();
      guest.send();
      await world.clock.sleep(1000);
      deepEqual([heard, unwanted(), requests(guest)], [ALL_HEARD, SENT.length, 0]);
    }));

  it("so do a channel, and what bluetooth asks", () =>
    inScene(async ({ camera, come, owner, world }) => {
      const guest = await come(owner);
      const accepted = guest.theirs.l2capAccept(0x80, { mtu: 64 });
      const channel = guest.own.l2capConnect(0x80, { mtu: 64 });
      new camera.bluetooth.BLE().gattcExchangeMtu(guest.own.link.handle);
      await Promise.all([accepted, channel]);
      await world.clock.sleep(1000);
      deepEqual([guest.asked, requests(guest), guest.own.bonded], [[true], 1, true]);
      equal(guest.own.mtu, 517);
    }));

  it("while a pair() is given up: what waits ends in its own time", () =>
    inScene(async (scene) => {
      const { come, owner, world } = scene;
      const guest = await come(owner, true);
      const since = world.clock.now();
      const given = rejects(guest.own.pair({ timeoutMs: 5000 }), { name: "TimeoutError" });
      const asked = rejects(ask(scene, guest), {
        code: "pairing-timeout",
        message: /asked to encrypt the link/,
      });
      await Promise.all([given, asked]);
      equal(Math.round((world.clock.now() - since) / 1000), 30);
    }));

  it("late, when what waited has ended: what is asked then goes out", () =>
    inScene(async (scene) => {
      const { come, heard, owner, world } = scene;
      const guest = await come(owner, true);
      await rejects(ask(scene, guest), { code: "pairing-timeout" });
      await guest.theirs.pair();
      equal(await ask(scene, guest), "v");
      guest.send();
      await world.clock.sleep(1000);
      deepEqual([heard], [ALL_HEARD]);
    }));

  for (const isOpen of [true, false]) {
    it(`has deleted its bond, and pairs anew ${isOpen ? "in a window: all goes out" : "where it may not: all ends"}`, () =>
      inScene(async (scene) => {
        const { camera, come, owner } = scene;
        owner.aioble.security.bonds.clear();
        const guest = await come(owner);
        if (isOpen) camera.aioble.security.openPairing();
        if (isOpen) equal(await ask(scene, guest), "v");
        else await rejects(ask(scene, guest), { name: "PairingError", code: "pairing-failed" });
        ok(guest.asked.every((isEncrypted) => isEncrypted));
        equal(requests(guest), 1);
      }));
  }

  it("with a bond that is worth too little: all ends at once", () =>
    inScene(async (scene) => {
      const guest = await scene.come(scene.owner);
      scene.camera.aioble.config({ secureOnly: true });
      await guest.own.disconnect();
      await scene.world.clock.sleep(1000);
      const again = await scene.come(scene.owner);
      await rejects(ask(scene, again), { code: "bond-unusable" });
      deepEqual([again.asked, requests(again)], [[], 0]);
    }));

  it("whose bond is deleted meanwhile: what was asked before ends, what is asked then goes out as to a stranger", () =>
    inScene(async (scene) => {
      const guest = await scene.come(scene.owner, true);
      const before = rejects(ask(scene, guest), { code: "bond-lost" });
      await scene.world.clock.sleep(500);
      scene.camera.aioble.security.bonds.clear();
      await before;
      equal(await ask(scene, guest), "v");
      equal(guest.own.encrypted, false);
    }));

  it("and that the application pairs with, without a bond: all goes out", () =>
    inScene(async (scene) => {
      const guest = await scene.come(await scene.addDevice(scene.owner));
      await guest.own.pair({ bond: false });
      equal(await ask(scene, guest), "v");
      deepEqual([guest.own.encrypted, guest.own.bonded], [true, false]);
    }));
});

describe("a central of which nothing waits", () => {
  for (const [who, config] of [
    ["a stranger", {}],
    ["a bonded one, with autoPair: never", { autoPair: "never" }],
  ] as const) {
    it(`${who}: all is asked and heard at once, in the clear`, () =>
      inScene(async (scene) => {
        const { addDevice, come, heard, owner, unwanted, world } = scene;
        const guest = await come(who === "a stranger" ? await addDevice() : owner);
        equal(await ask(scene, guest), "v");
        guest.send();
        await world.clock.sleep(1000);
        deepEqual([heard, unwanted(), requests(guest)], [ALL_HEARD, 0, 0]);
        ok(guest.asked.length > 0 && guest.asked.every((isEncrypted) => !isEncrypted));
      }, config));
  }
});
