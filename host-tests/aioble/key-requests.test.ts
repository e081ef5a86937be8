/** Keys that are asked for and encryptions that do not come: by role, and never for longer than 30 s. */
import {
  leLongTermKeyRequestNegativeReply,
  leLongTermKeyRequestReply,
} from "../../firmware/ble/hci/commands/le-security.ts";
import { ENCRYPTION_TIMEOUT_MS } from "../../firmware/ble/smp/link-encryption.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import type { AiobleCamera } from "../support/cameras.ts";
import { createReconnecting, type Reconnecting } from "../support/reconnecting.ts";
import { describe, it } from "../support/suite.ts";

const NO_RAND = new Uint8Array(8);

/** Answers to requests for a key that a camera's controller was given: with one, and without. */
function answersOf({ controller }: AiobleCamera): readonly [number, number] {
  const count = (wanted: number): number => controller.commands.filter((opcode) => opcode === wanted).length;
  return [count(leLongTermKeyRequestReply.opcode), count(leLongTermKeyRequestNegativeReply.opcode)];
}

/** What the controller says of this camera's encryptions does not arrive. */
function loseReports({ host }: AiobleCamera): void {
  host.encryption!.manager.encryptionChanged = () => undefined;
}

const inScene = (work: (scene: Reconnecting) => Promise<void>): Promise<void> => {
  const scene = createReconnecting();
  return scene.world.run(() => work(scene));
};

describe("a key is asked for", () => {
  for (const when of ["with a bond", "without a bond", "while it pairs"] as const) {
    it(`on a central's link, ${when}: there is none to give, and what the camera asks goes on`, () =>
      inScene(async ({ bond, central, meet, world }) => {
        if (when === "with a bond") await bond();
        central.aioble.config({ autoPair: "never" });
        const { outgoing } = await meet();
        const paired = when === "while it pairs" ? outgoing.pair() : undefined;
        if (paired) await world.clock.sleep(60);
        const [given, refused] = answersOf(central);
        central.host.encryption!.keyRequested(outgoing.link.handle, 0, NO_RAND);
        await world.clock.sleep(100);
        deepEqual(answersOf(central), [given, refused + 1]);
        await (paired ?? outgoing.pair());
        deepEqual([outgoing.encrypted, outgoing.bonded], [true, true]);
      }));
  }
});

describe("an encryption of which no report comes", () => {
  for (const role of ["central", "peripheral"] as const) {
    for (const what of ["with a bond's key", "with that of a pairing"] as const) {
      it(`${what}, the camera as ${role}: the link ends after 30 s, and pair() with it`, () =>
        inScene(async (scene) => {
          const { bond, meet, world } = scene;
          if (what === "with a bond's key") await bond();
          loseReports(scene[role]);
          const { outgoing, incoming } = await meet();
          const own = role === "central" ? outgoing : incoming;
          if (role === "peripheral") void outgoing.pair().catch(() => undefined);
          await world.clock.sleep(3000);
          const since = world.clock.now();
          await rejects(own.pair());
          ok(world.clock.now() - since <= ENCRYPTION_TIMEOUT_MS + 1000);
          await world.clock.sleep(2000);
          equal(own.isConnected(), false);
        }));
    }
  }

  it("closing its window ends a pairing whose key is about to encrypt the link, and the link", () =>
    inScene(async ({ central, meet, withholdKey, world }) => {
      const { config, security } = central.aioble;
      config({ pairing: "window" });
      security.openPairing();
      withholdKey();
      const { outgoing, incoming } = await meet();
      void incoming.pair().catch(() => undefined);
      await world.clock.sleep(3000);
      security.closePairing();
      await world.clock.sleep(2000);
      equal(outgoing.isConnected(), false);
      equal(central.host.bonds!.size, 0);
    }));
});
