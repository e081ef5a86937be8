/**
 * ble_gap_pair_bond_lifecycle, and with it _persist_filebased, _double_restart and _multi_restart: the handlers keep the
 * bonds as MicroPython's examples do, and the radios go off and on three times.
 */
import { IRQ_GET_SECRET, IRQ_SET_SECRET } from "../../../firmware/bluetooth/constants.ts";
import type { IrqEvent } from "../../../firmware/bluetooth/irq.ts";
import { equal, ok } from "../../support/assert.ts";
import { describe, it } from "../../support/suite.ts";
import { BONDED, BONDING, offerSecret, pairAndRead, registerSecret, returnAndRead } from "../secured.ts";
import { createTwoLowLevel } from "../two-low-level.ts";

const RESTARTS = 3;

/** What stands for the original's file of secrets. */
class SecretsFile {
  readonly entries = new Map<string, Uint8Array>();

  /** For the handler of `irq`. */
  readonly answer = (...[event, data]: IrqEvent): unknown => {
    if (event === IRQ_GET_SECRET) {
      const [type, index, key] = data;
      if (key) return this.entries.get(`${type} ${key.join()}`) ?? null;
      return [...this.entries].filter(([name]) => name.startsWith(`${type} `))[index]?.[1] ?? null;
    }
    if (event !== IRQ_SET_SECRET) return undefined;
    const [type, key, value] = data;
    if (value === null) return this.entries.delete(`${type} ${key.join()}`);
    this.entries.set(`${type} ${key.join()}`, value);
    return true;
  };
}

describe("multi: bluetooth ble_gap_pair_bond_lifecycle", () => {
  it(`pairs once; the bonds that the handlers keep encrypt the links after ${RESTARTS} restarts`, async () => {
    const [nearSecrets, farSecrets] = [new SecretsFile(), new SecretsFile()];
    const cameras = createTwoLowLevel(nearSecrets.answer, farSecrets.answer);
    const { near, far } = cameras;
    for (const { ble } of [near, far]) ble.config({ bond: true, leSecure: true, secretStore: "irq" });
    await cameras.run(
      async () => {
        await offerSecret(cameras, registerSecret(cameras), "encrypted_initial", BONDING);
        for (let restart = 1; restart <= RESTARTS; restart++) {
          await far.ble.active(false);
          await cameras.sleep(200);
          await offerSecret(cameras, registerSecret(cameras), `encrypted_restart${restart}`, BONDED);
        }
      },
      async () => {
        await pairAndRead(cameras, "encrypted_initial", BONDING);
        for (let restart = 1; restart <= RESTARTS; restart++) {
          await near.ble.active(false);
          await cameras.sleep(200);
          await returnAndRead(cameras, `encrypted_restart${restart}`);
        }
      },
    );
    for (const secrets of [nearSecrets, farSecrets]) {
      // Type 2 is a bond: one, however often the radio was off.
      equal([...secrets.entries.keys()].filter((name) => name.startsWith("2 ")).length, 1);
    }
    for (const camera of [cameras.central, cameras.peripheral]) {
      equal(camera.host.encryption?.manager.failedPairings, 0);
    }
    ok(farSecrets.entries.size >= 2);
  });
});
