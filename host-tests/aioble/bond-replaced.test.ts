/** What is left to a link whose bond has given way to another, by another key. */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import { refusalOf } from "../../firmware/update/access.ts";
import { deepEqual, equal } from "../support/assert.ts";
import { type Meeting, onStage, ROLES, type Stage } from "../support/dawdling.ts";
import { describe, it } from "../support/suite.ts";

const SERVICE = new UUID(0xfff0);
const VALUES = [new UUID(0xfff1), new UUID(0xfff2)] as const;

/** Both devices are bonded with the camera as the same device, the twin last and with keys of its own. */
interface Twins extends Stage {
  readonly twin: Stage["owner"];
  readonly owners: Meeting;
  readonly twins: Meeting;
}

/** The camera is the peripheral: a central gives up no bond for a device that has not its key. @param before what happens on the owner's link while its bond is the one that there is */
async function withTwins(
  before: (owners: Meeting, stage: Stage) => Promise<void>,
  work: (twins: Twins) => Promise<void>,
): Promise<void> {
  await onStage("peripheral", { pairing: "window" }, async (stage) => {
    const { addDevice, camera, meet, owner, world } = stage;
    const { Characteristic, registerServices, security, Service } = camera.aioble;
    const service = new Service(SERVICE);
    for (const uuid of VALUES) new Characteristic(service, uuid, { read: true, notify: true });
    registerServices(service);
    const twin = await addDevice(owner);
    const [twins, owners] = [await meet(twin), await meet(owner)];
    security.openPairing();
    await owners.theirs.pair();
    await world.clock.sleep(500);
    await before(owners, stage);
    deepEqual([owners.own.bonded, mayManage(owners.own)], [true, true]);
    security.openPairing();
    await twins.theirs.pair();
    await world.clock.sleep(500);
    await work({ ...stage, twin, owners, twins });
  });
}

const mayManage = ({ link }: DeviceConnection): boolean => refusalOf("bonded", link) === undefined;

async function subscribe({ theirs }: Meeting, at: 0 | 1): Promise<void> {
  const service = await theirs.service(SERVICE);
  const value = await service!.characteristic(VALUES[at]);
  await value!.subscribe();
}

describe("bonds: a link whose bond another has replaced", () => {
  it("is encrypted and not bonded, and has none of its rights; the other link has them", () =>
    withTwins(
      async () => {},
      async ({ camera, owners, twins }) => {
        deepEqual([owners.own.encrypted, owners.own.bonded, mayManage(owners.own)], [true, false, false]);
        deepEqual([twins.own.encrypted, twins.own.bonded, mayManage(twins.own)], [true, true, true]);
        const [bond] = camera.aioble.security.bonds.list();
        deepEqual([camera.aioble.security.bonds.size, bond?.connected], [1, true]);
        await twins.own.disconnect();
        equal(camera.aioble.security.bonds.list()[0]?.connected, false);
      },
    ));

  it("keeps nothing beside the new bond: no subscription from before, and none from afterwards", () =>
    withTwins(
      (owners) => subscribe(owners, 0),
      async ({ camera, meet, owners, twin, twins, world }) => {
        await subscribe(owners, 1);
        await owners.own.disconnect();
        await twins.own.disconnect();
        await world.clock.sleep(1000);
        const { own, theirs } = await meet(twin);
        await theirs.pair();
        await world.clock.sleep(500);
        equal(own.bonded, true);
        const { configurations } = own.link.server.session;
        deepEqual([...configurations.values()], []);
        equal(camera.aioble.security.bonds.size, 1);
      },
    ));

  for (const role of ROLES) {
    it(`stays bonded where the bond is written anew with the same keys, the camera as ${role}`, () =>
      onStage(role, {}, async ({ camera, meet, owner, world }) => {
        const { own, theirs } = await meet(owner);
        await theirs.pair();
        await world.clock.sleep(500);
        const bonds = camera.host.bonds!;
        const [bond] = bonds.all();
        bonds.keep({ ...bond!, isAttended: true, isFromWindow: true }, true);
        deepEqual([own.bonded, own.link.bond === bonds.all()[0], mayManage(own)], [true, true, true]);
      }));
  }
});
