/** Pairings that are under way when the firmware's window at power-on closes. */
import { PAIRING_FAILURE } from "../../firmware/ble/smp/pdus.ts";
import { WINDOW_MS } from "../../firmware/update/window.ts";
import { deepEqual, equal, rejects } from "../support/assert.ts";
import { addAioble } from "../support/cameras.ts";
import { hold, SMP_CODE } from "../support/dawdling.ts";
import { comesBack, connect, echo, pairs, powerOn } from "../support/power-on-window.ts";
import { describe, it } from "../support/suite.ts";

describe("management: pairings and the end of the pairing window at power-on", () => {
  for (const [what, from] of [
    ["its public key", SMP_CODE.PUBLIC_KEY],
    ["its DHKey check", SMP_CODE.DHKEY_CHECK],
    ["its identity", SMP_CODE.IDENTITY],
  ] as const) {
    for (const end of ["another device", "its time"] as const) {
      it(`a pairing that is held up by ${what} ends with it, when ${end} closes it`, async () => {
        await powerOn(async (scene) => {
          const { camera, central, world } = scene;
          camera.aioble.config({ pairing: "never", maxConnections: 4, idleTimeoutMs: 0 });
          const stranger = addAioble(world);
          stranger.aioble.config({ idleTimeoutMs: 0 });
          if (end === "its time") await world.clock.sleep(WINDOW_MS - 20_000);
          const link = await connect(scene, stranger);
          const held = hold(stranger, link, from);
          const outcome = link.pair().then(
            () => "paired",
            ({ reason }: { reason: number }) => reason,
          );
          await world.clock.sleep(2000);
          if (end === "another device") equal(await pairs(scene, central), "manages");
          else await world.clock.sleep(20_000);
          held.release();
          // A central that has given its keys believes that it is done.
          const isHeard = from !== SMP_CODE.IDENTITY;
          equal(await outcome, isHeard ? PAIRING_FAILURE.PAIRING_NOT_SUPPORTED : "paired");
          await world.clock.sleep(1500);
          const [own] = camera.host.connections.values();
          deepEqual(
            [own?.security.isEncrypted, camera.host.bonds!.size],
            [isHeard ? false : undefined, end === "its time" ? 0 : 1],
          );
          if (end === "another device") await comesBack(scene, central);
        });
      });

      it(`the application's own pairing that is held up by ${what} goes on, with no right of it, when ${end} closes it`, async () => {
        await powerOn(async (scene) => {
          const { camera, central, world } = scene;
          camera.aioble.config({ maxConnections: 4, idleTimeoutMs: 0 });
          const guest = addAioble(world);
          guest.aioble.config({ idleTimeoutMs: 0 });
          if (end === "its time") await world.clock.sleep(WINDOW_MS - 20_000);
          camera.aioble.security.agent = { keypress: () => undefined };
          const link = await connect(scene, guest);
          const held = hold(guest, link, from);
          const paired = link.pair();
          await world.clock.sleep(2000);
          if (end === "another device") equal(await pairs(scene, central), "manages");
          else await world.clock.sleep(20_000);
          held.release();
          await paired;
          await world.clock.sleep(1500);
          const bond = camera.host
            .bonds!.all()
            .find(({ identity }) => identity.address.join() === guest.host.ownAddress.join());
          deepEqual([bond?.isAttended, bond?.isFromWindow], [false, false]);
          await rejects(echo(link));
        });
      });
    }
  }
});
