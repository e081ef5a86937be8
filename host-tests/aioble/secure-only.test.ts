/** Secure Connections Only mode and short keys as settings, between two cameras; and a controller that takes encryption back. */
import { encryptionChange } from "../../firmware/ble/hci/events.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { diagnostics } from "../support/cameras.ts";
import { createPair, protection, Users } from "../support/pairing-cameras.ts";
import { describe, it } from "../support/suite.ts";

const AUTHENTICATION_REQUIREMENTS = 0x03;
const SECURE = { encrypted: true, authenticated: true, bonded: true, keySize: 16, secureConnections: true };

describe("config: secureOnly (Vol 3, Part C, 10.2.4)", () => {
  for (const side of ["central", "peripheral"] as const) {
    it(`of the ${side}: neither Just Works nor legacy pairing, but a passkey by LE Secure Connections`, async () => {
      const scene = createPair();
      scene[side].aioble.config({ secureOnly: true, minKeySize: 7 });
      const other = scene[side === "central" ? "peripheral" : "central"];
      await scene.world.run(async () => {
        const { outgoing, incoming } = await scene.meet();
        const failed = { code: "pairing-failed", reason: AUTHENTICATION_REQUIREMENTS };
        await rejects(outgoing.pair(), failed);
        await scene.world.clock.sleep(60_000);
        const byPasskey = (leSecure: boolean): Promise<void> => {
          const { display, input } = new Users();
          scene.peripheral.aioble.security.agent = { display };
          return outgoing.pair({ leSecure, mitm: true, agent: { input } });
        };
        await rejects(byPasskey(false), failed);
        await scene.world.clock.sleep(60_000);
        await byPasskey(true);
        await scene.world.clock.sleep(1000);
        deepEqual([protection(outgoing), protection(incoming)], [SECURE, SECURE]);
        ok(other.aioble.security.bonds.size === 1);
      });
    });
  }
});

describe("a link that the controller says is no longer encrypted", () => {
  it("is ended with 0x05, for there is no way to switch encryption off", async () => {
    const scene = createPair();
    await scene.world.run(async () => {
      const { outgoing, incoming } = await scene.meet();
      await outgoing.pair();
      scene.central.controller.emit(encryptionChange, {
        ...{ status: 0, connectionHandle: outgoing.link.handle, encryptionEnabled: 0 },
      });
      await outgoing.disconnected();
      await incoming.disconnected();
      equal(incoming.disconnectReason, 0x05);
      equal(diagnostics(scene.central).filter((line) => line.includes("no longer encrypted")).length, 1);
    });
  });
});
