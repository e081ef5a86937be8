/** Reasons of Pairing Failed that need more than one link, or an agent, to come about (Vol 3, Part H, 3.5.5). */
import { simulatedCrypto } from "../../simulator/crypto.ts";
import { createWorld } from "../../simulator/world.ts";
import { deepEqual, equal, ok } from "../support/assert.ts";
import { addAioble } from "../support/cameras.ts";
import { createConnectedRig, HANDLE, SMP } from "../support/rig.ts";
import { connectionComplete } from "../support/scripted-controller.ts";
import { describe, it } from "../support/suite.ts";

/** Pairing Request of a device with keys alone: bonding, MITM, LE Secure Connections, 16 bytes, both keys. */
const KEYS_REQUEST = [0x01, 0x02, 0x00, 0x0d, 0x10, 0x03, 0x03];
/** One that says that it has data of the camera's out of band. */
const OUT_OF_BAND_REQUEST = [0x01, 0x03, 0x01, 0x09, 0x10, 0x03, 0x03];
const OTHER = HANDLE + 1;

describe("reasons why a pairing fails", () => {
  it("0x10 Busy: the user is asked on another link; free again when that has ended", async () => {
    const rig = await createConnectedRig();
    let asked = 0;
    rig.aioble.security.agent = {
      input: () => {
        asked++;
        return new Promise(() => {});
      },
    };
    rig.controller.deliver(connectionComplete(OTHER, [1, 2, 3, 4, 5, 0xc6]));
    await rig.settle();
    // Its public key is any point that is one: the camera asks its user when it has the peer's.
    const [response] = await rig.exchange(SMP, KEYS_REQUEST);
    ok(response?.startsWith("02 "), response);
    const publicKey = simulatedCrypto.p256PublicKey(new Uint8Array(32).fill(7))!;
    const [x, y] = [publicKey.slice(0, 32).reverse(), publicKey.slice(32).reverse()];
    await rig.exchange(SMP, [0x0c, ...x, ...y]);
    await rig.clock.advance(100);
    equal(asked, 1);
    deepEqual(await rig.exchange(SMP, KEYS_REQUEST, OTHER), ["05 10"]);
    await rig.disconnect(HANDLE);
    const [free] = await rig.exchange(SMP, KEYS_REQUEST, OTHER);
    ok(free?.startsWith("02 "), free);
  });

  it("0x02 OOB Not Available: the peer has data that the camera did not hand out", async () => {
    const rig = await createConnectedRig();
    deepEqual(await rig.exchange(SMP, OUT_OF_BAND_REQUEST), ["05 02"]);
    rig.aioble.security.localOob();
    const [response] = await rig.exchange(SMP, OUT_OF_BAND_REQUEST);
    ok(response?.startsWith("02 "), response);
  });

  it("0x04 by a passkey typed wrong: neither the error nor anything in it names a passkey", async () => {
    const world = createWorld();
    const [central, peripheral] = [addAioble(world), addAioble(world)];
    const [typed, wrong] = ["271828", "271829"];
    peripheral.aioble.security.agent = { input: () => typed };
    await world.run(async () => {
      const advertised = peripheral.aioble.advertise({ intervalUs: 100_000 });
      const { ADDR_RANDOM, Device } = central.aioble;
      const outgoing = await new Device(ADDR_RANDOM, peripheral.host.ownAddress).connect();
      await advertised;
      const error = await outgoing.pair({ agent: { input: () => wrong }, mitm: true }).then(
        () => undefined,
        (reason: unknown) => reason as Error & Record<string, unknown>,
      );
      equal(error?.reason, 0x04);
      const text = `${error} ${error?.stack} ${JSON.stringify(error)} ${error?.cause}`;
      for (const secret of [typed, wrong]) ok(!text.includes(secret));
    });
  });
});
